//! Times the reading of a page of records against the usual way.

mod pages;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

fn pages_of_records(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a page of 500 records");
    type Work = fn(u32) -> anyhow::Result<()>;
    let works: [(&str, Work); 6] = [
        ("the answer alone", pages::answers),
        ("no field", pages::no_field),
        ("5 fields", pages::five_fields),
        ("15 fields", pages::all_fields),
        ("serde_json, owned structs", pages::owned_structs),
        ("serde_json, spans, 5 fields", pages::spans::five_fields),
    ];
    for (name, work) in works {
        // Several at a time, because each run makes the page anew.
        group.bench_function(name, |bencher| bencher.iter(|| work(black_box(50))));
    }
    group.finish();
}

criterion_group!(benches, pages_of_records);
criterion_main!(benches);
