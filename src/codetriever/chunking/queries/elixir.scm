; Inside of a pattern `_` stands for kinds that their fields tell anyway. Naming them would double the time that compiling takes, a tenth of
; a second, in which the grammar is searched for all that they may hold.

(call target: (identifier) @_keyword (arguments . (alias) @name) (do_block)
  (#eq? @_keyword "defmodule")) @definition.module
(call target: (identifier) @_keyword (arguments . (alias) @name) (do_block)
  (#eq? @_keyword "defprotocol")) @definition.interface
(call target: (identifier) @_keyword
  (arguments . (alias) @name . (keywords (pair value: (alias) @scope))) (do_block)
  (#eq? @_keyword "defimpl")) @definition.impl
(call target: (identifier) @_keyword (arguments . (alias) @name) (do_block)
  (#eq? @_keyword "defimpl")) @definition.impl

; With a block, with `do:`, and heads without a body: these shapes tell definitions from other calls before their text is compared.
(call target: (identifier) @_keyword
  (arguments . [
    (identifier) @name
    (_ target: (identifier) @name)
    (_ left: [(identifier) @name (_ target: (identifier) @name)] operator: "when")
    (_ left: (_ left: (_) operator: _ @name) operator: "when")
  ])
  (do_block)
  (#any-of? @_keyword "def" "defp")) @definition.function
(call target: (identifier) @_keyword
  (arguments . [
    (identifier) @name
    (_ target: (identifier) @name)
    (_ left: [(identifier) @name (_ target: (identifier) @name)] operator: "when")
    (_ left: (_ left: (_) operator: _ @name) operator: "when")
  ] . (keywords))
  (#any-of? @_keyword "def" "defp" "defdelegate")) @definition.function
(_ "do"
  (call target: (identifier) @_keyword . (arguments . (_ target: (identifier) @name) .) .) @definition.function
  (#any-of? @_keyword "def" "defp"))
(call target: (identifier) @_keyword
  (arguments . (binary_operator operator: _ @name))
  (do_block)
  (#any-of? @_keyword "def" "defp")
  (#not-eq? @name "when")) @definition.function
(call target: (identifier) @_keyword
  (arguments . (binary_operator operator: _ @name) . (keywords))
  (#any-of? @_keyword "def" "defp")
  (#not-eq? @name "when")) @definition.function
(call target: (identifier) @_keyword
  (arguments . [
    (identifier) @name
    (_ target: (identifier) @name)
    (_ left: (_ target: (identifier) @name) operator: "when")
    (_ left: (_ left: (_) operator: _ @name) operator: "when")
  ])
  (do_block)
  (#any-of? @_keyword "defmacro" "defmacrop")) @definition.macro
(call target: (identifier) @_keyword
  (arguments . [
    (identifier) @name
    (_ target: (identifier) @name)
    (_ left: (_ target: (identifier) @name) operator: "when")
  ] . (keywords))
  (#any-of? @_keyword "defmacro" "defmacrop")) @definition.macro
(call target: (identifier) @_keyword
  (arguments . (binary_operator operator: _ @name))
  (do_block)
  (#any-of? @_keyword "defmacro" "defmacrop")
  (#not-eq? @name "when")) @definition.macro
(call target: (identifier) @_keyword
  (arguments . (_ left: (_ target: (identifier) @name) operator: "when") .)
  (#any-of? @_keyword "defguard" "defguardp")) @definition.macro

(unary_operator operator: "@" operand: (_ target: (identifier) @_keyword
  (arguments . (binary_operator
    left: [(identifier) @name (_ target: (identifier) @name)]
    operator: "::")))
  (#any-of? @_keyword "type" "typep" "opaque")) @definition.type
(unary_operator operator: "@" operand: (_ target: (identifier) @_keyword
  (arguments . [
    (_ left: (_ target: (identifier) @name) operator: "::")
    (_ left: (_ left: (_ target: (identifier) @name) operator: "::") operator: "when")
  ]))
  (#any-of? @_keyword "callback" "macrocallback")) @definition.method
(_ "do" (unary_operator operator: "@" operand: (_ target: (identifier) @name (arguments)))
  @definition.constant
  (#not-match? @name "^(doc|moduledoc|typedoc|spec|typep?|opaque|(macro)?callback|impl|behaviour|derive|before_compile|after_compile|after_verify|on_definition|on_load|compile|dialyzer|deprecated|external_resource|enforce_keys|optional_callbacks|vsn|(module|describe)?tag|nifs|file)$"))

; references
(call target: (identifier) @_keyword (#any-of? @_keyword "alias" "import" "require" "use")) @import
(call target: (identifier) @reference.call)
(call target: (dot right: (identifier) @reference.call))
[(identifier) (alias) (atom)] @reference
