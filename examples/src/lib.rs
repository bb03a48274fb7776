//! Example apps written with the Quanzi SDK; each stands in its own file beside this folder.
