//! Signatures against the world: the vectors of RFC 9421, our own vectors, and properties that hold for any input.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod maker;
#[cfg(test)]
mod profile;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod rfc9421;
#[cfg(test)]
mod vector;
