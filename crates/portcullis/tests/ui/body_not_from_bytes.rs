use portcullis::{Answering, Web};

struct Body;

fn refuses<R>(_: R)
where
    Web: Answering<R>,
{
}

fn main() {
    refuses(Body);
}
