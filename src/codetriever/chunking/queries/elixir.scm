(call target: (identifier) @_keyword (arguments . (alias) @name) (do_block)
  (#eq? @_keyword "defmodule")) @definition.module
(call target: (identifier) @_keyword (arguments . (alias) @name) (do_block)
  (#eq? @_keyword "defprotocol")) @definition.interface
(call target: (identifier) @_keyword
  (arguments . (alias) @name . (keywords (pair value: (alias) @scope))) (do_block)
  (#eq? @_keyword "defimpl")) @definition.impl
(call target: (identifier) @_keyword (arguments . (alias) @name) (do_block)
  (#eq? @_keyword "defimpl")) @definition.impl

(call target: (identifier) @_keyword
  (arguments . [
    (identifier) @name
    (call target: (identifier) @name)
    (binary_operator left: (call target: (identifier) @name) operator: "when")
    (binary_operator left: (identifier) @name operator: "when")
  ])
  (#any-of? @_keyword "def" "defp" "defdelegate")) @definition.function
(call target: (identifier) @_keyword
  (arguments . (binary_operator left: (_) operator: _ @name right: (_)))
  (#any-of? @_keyword "def" "defp")
  (#not-eq? @name "when")) @definition.function
(call target: (identifier) @_keyword
  (arguments . [
    (identifier) @name
    (call target: (identifier) @name)
    (binary_operator left: (call target: (identifier) @name) operator: "when")
  ])
  (#any-of? @_keyword "defmacro" "defmacrop" "defguard" "defguardp")) @definition.macro

(unary_operator operator: "@" operand: (call target: (identifier) @_keyword
  (arguments . (binary_operator
    left: [(identifier) @name (call target: (identifier) @name)]
    operator: "::")))
  (#any-of? @_keyword "type" "typep" "opaque")) @definition.type
(unary_operator operator: "@" operand: (call target: (identifier) @_keyword
  (arguments . [
    (binary_operator left: (call target: (identifier) @name) operator: "::")
    (binary_operator left: (binary_operator left: (call target: (identifier) @name) operator: "::") operator: "when")
  ]))
  (#any-of? @_keyword "callback" "macrocallback")) @definition.method
(do_block (unary_operator operator: "@" operand: (call target: (identifier) @name (arguments)))
  @definition.constant
  (#not-match? @name "^(doc|moduledoc|typedoc|spec|typep?|opaque|(macro)?callback|impl|behaviour|derive|before_compile|after_compile|after_verify|on_definition|on_load|compile|dialyzer|deprecated|external_resource|enforce_keys|optional_callbacks|vsn|(module|describe)?tag|nifs|file)$"))

; references
(call target: (identifier) @_keyword (#any-of? @_keyword "alias" "import" "require" "use")) @import
(call target: (identifier) @reference.call)
(call target: (dot right: (identifier) @reference.call))
[(identifier) (alias) (atom)] @reference
