//! Tables of the dashboard, and what scrolls where it is longer than its place.

use maud::{Markup, html};

/// How much of a user's id is shown, in bytes.
pub(super) const SHOWN: usize = 200;

/// A heading, and below it what may be longer than its place and is scrolled then.
pub(super) fn scrolled(id: &str, title: &str, content: Markup) -> Markup {
    html! {
        h2 id=(id) { (title) }
        div .scroll tabindex="0" role="group" aria-labelledby=(id) { (content) }
    }
}

/// What a table says in each row.
pub(super) struct Column {
    name: &'static str,
    class: &'static str,
    /// Whether it tells which row this is.
    heads: bool,
}

impl Column {
    pub(super) const fn new(name: &'static str, class: &'static str) -> Self {
        Self {
            name,
            class,
            heads: false,
        }
    }

    pub(super) const fn heads(name: &'static str, class: &'static str) -> Self {
        Self {
            name,
            class,
            heads: true,
        }
    }
}

pub(super) struct Cell {
    content: Markup,
    /// What it is besides what its column is.
    class: &'static str,
}

pub(super) const fn cell(content: Markup) -> Cell {
    marked("", content)
}

pub(super) const fn marked(class: &'static str, content: Markup) -> Cell {
    Cell { content, class }
}

/// A table.
///
/// A narrow window shows a card for each row. To be laid out so, an element gives up what it is to a
/// screen reader, so the roles are said.
pub(super) fn table<const N: usize>(
    columns: &[Column; N],
    rows: impl Iterator<Item = [Cell; N]>,
) -> Markup {
    let class = |column: &Column, cell: &Cell| {
        let both = format!("{} {}", column.class, cell.class);
        Some(both.trim().to_owned()).filter(|class| !class.is_empty())
    };
    html! {
        table role="table" {
            thead role="rowgroup" {
                tr role="row" {
                    @for column in columns { th scope="col" role="columnheader" { (column.name) } }
                }
            }
            tbody role="rowgroup" {
                @for row in rows {
                    tr role="row" {
                        @for (column, cell) in columns.iter().zip(&row) {
                            @if column.heads {
                                th scope="row" role="rowheader" class=[class(column, cell)] { (cell.content) }
                            } @else {
                                td role="cell" data-label=(column.name) class=[class(column, cell)] { (cell.content) }
                            }
                        }
                    }
                }
            }
        }
    }
}
