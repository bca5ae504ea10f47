; TypeScript's queries hold for TSX; these are added to them.

; references

(jsx_opening_element name: (identifier) @reference.call)
(jsx_self_closing_element name: (identifier) @reference.call)
