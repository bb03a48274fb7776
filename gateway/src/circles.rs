//! stub
use crate::http::Routes;
/// stub
pub fn routes(routes: Routes) -> Routes { routes }
