#include "match/regex_syntax.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "match/required_texts.h"
#include "match/shape.h"

namespace policymux {
namespace {

constexpr std::uint64_t most_linear_repeats = 1000, most_repeats = 65535;  // RE2's limit, PCRE2's limit
constexpr std::uint64_t most_size = 1ull << 32;                            // larger ones are no larger

constexpr std::uint32_t last_ascii = 0x7f, last_byte = 0xff, last_unicode = 0x10ffff;

bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '_'; }
bool is_octal(char c) { return c >= '0' && c <= '7'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// A character that stands for itself, in every dialect, inside and outside of classes.
std::string quoted(std::uint32_t code) {
  if (code > last_ascii || code < 0x20 || code == last_ascii) return fmt::format("\\x{{{:x}}}", code);
  const char c = static_cast<char>(code);
  if (is_word(c)) return {c};
  return {'\\', c};
}

// What is decided only while reading, and makes reading begin anew.
struct Mode {
  bool verbose = false, ignore_case = false, backtracking = false;
  bool fold = true;  // may case be folded at all?
  bool operator==(const Mode&) const = default;
};

class Translator {
 public:
  Translator(std::string_view pattern, Dialect dialect, Mode mode)
      : in_{pattern}, dialect_{dialect}, mode_{mode}, found_{mode}, groups_{{.verbose = mode.verbose}} {}

  // False: error() says why.
  bool run() {
    while (!error_ && at_ < in_.size()) step();
    if (!error_ && groups_.size() > 1) fail("missing ), unterminated group '{}'", in_.substr(groups_.back().at));
    return !error_;
  }
  const std::string& error() const { return *error_; }
  Mode found() const { return found_; }
  Translation finish() {
    const bool ignore_case = mode_.ignore_case && mode_.fold;
    return {(ignore_case ? "(?i)" : "") + out_, mode_.backtracking, wide_, required_.finish(), groups_.front().size};
  }

 private:
  struct Group {
    std::size_t at = 0;
    bool verbose = false;
    bool is_matched = true;  // not a look-around, not conditional
    std::uint64_t size = 0;  // see Translation
    std::uint64_t last = 0;  // of that, what a quantifier would repeat
  };
  enum class Last : std::uint8_t { nothing, item, repeat };  // what a quantifier would meet
  struct Repeat {
    std::uint64_t least, most;
  };
  // A member of a class: a character, or a category like \d.
  struct Member {
    std::uint32_t code = 0;
    std::string category{};
  };
  static constexpr auto unlimited = ~std::uint64_t{0};

  template <class... Args>
  void fail(fmt::format_string<Args...> text, Args&&... args) {
    if (!error_) error_ = fmt::format(text, std::forward<Args>(args)...);
  }
  bool eat(std::string_view text) {
    const bool found = in_.substr(at_).starts_with(text);
    if (found) at_ += text.size();
    return found;
  }
  char peek() const { return at_ < in_.size() ? in_[at_] : '\0'; }
  bool at_end() const { return at_ == in_.size(); }

  // One character: a byte, or the bytes of a UTF-8 sequence.
  std::uint32_t take_character() {
    const auto first = static_cast<unsigned char>(in_[at_++]);
    if (first <= last_ascii || !dialect_.utf8) return first;
    const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    std::uint32_t code = first & (0x3fu >> more);
    for (int i = 0; i < more && !at_end(); ++i) code = code << 6 | (static_cast<unsigned char>(in_[at_++]) & 0x3fu);
    return code;
  }

  void step() {
    const auto start = at_;
    if (groups_.back().verbose && skip_verbose()) return;
    switch (peek()) {
      case '\\': ++at_; return escape(start);
      case '[': ++at_; return character_class(start);
      case '(': ++at_; return open(start);
      case ')': ++at_; return close();
      case '|':
        ++at_;
        out_ += '|';
        last_ = Last::nothing;
        return required_.alternative();
      case '^':
      case '$': ++at_; return anchor(in_.substr(start, 1));
      case '.': ++at_; return item(".");
      case '*': ++at_; return repeat({0, unlimited}, start);
      case '+': ++at_; return repeat({1, unlimited}, start);
      case '?': ++at_; return repeat({0, 1}, start);
      case '{':
        if (const auto counted = take_repeat()) return repeat(*counted, start);
        break;
      default: break;
    }
    literal(take_character());
  }

  bool skip_verbose() {
    if (is_space(peek())) {
      ++at_;
      return true;
    }
    if (peek() != '#') return false;
    at_ = std::min(in_.find('\n', at_), in_.size());
    return true;
  }

  // --- items

  void item(std::string_view text) {
    out_ += text;
    last_ = Last::item;
    required_.unknown();
    grow(1);
  }
  void grow(std::uint64_t size) {
    groups_.back().last = size;
    groups_.back().size = std::min(groups_.back().size + size, most_size);
  }
  void anchor(std::string_view text) {
    out_ += text;
    last_ = Last::nothing;
  }
  void literal(std::uint32_t code) {
    note(code);
    if (code > last_ascii) return item(quoted(code));
    out_ += quoted(code);
    last_ = Last::item;
    required_.literal(static_cast<char>(code));
    grow(1);
  }
  void note(std::uint32_t code) {
    if (code <= last_ascii || dialect_.utf8) return;
    found_.fold = false;  // bytewise it would take other letters for this one
    if (code > last_byte) wide_ = true;
  }

  // --- escapes

  void escape(std::size_t start) {
    if (at_end()) return fail("bad escape at the end: '{}'", in_.substr(start));
    const char c = peek();
    if (is_digit(c) && c != '0') return number_escape(start);
    if (const auto category = category_of(c)) {
      ++at_;
      return item(in_class(*category) ? "[" + *category + "]" : *category);
    }
    if (c == 'b' || c == 'B' || c == 'A') {
      ++at_;
      return anchor(in_.substr(start, 2));
    }
    if (eat("Z") || eat("z")) return anchor("\\z");
    if (const auto code = character_escape(start)) literal(*code);
  }

  // The engines' \s knows no vertical tab; Python's does.
  std::optional<std::string> category_of(char c) const {
    switch (c) {
      case 'd':
      case 'D':
      case 'w':
      case 'W': return std::string{'\\', c};
      case 's': return "\\x{9}-\\x{d}\\x{20}";
      case 'S':
        return fmt::format("\\x{{0}}-\\x{{8}}\\x{{e}}-\\x{{1f}}\\x{{21}}-\\x{{{:x}}}",
                           dialect_.utf8 ? last_unicode : last_byte);
      default: return std::nullopt;
    }
  }
  static bool in_class(std::string_view category) { return category.size() > 2; }

  // Three octal digits are a character, anything else is the number of a group.
  void number_escape(std::size_t start) {
    std::size_t digits = 1;
    if (at_ + 1 < in_.size() && is_digit(in_[at_ + 1])) digits = 2;
    if (digits == 2 && at_ + 2 < in_.size() && is_octal(in_[at_]) && is_octal(in_[at_ + 1]) && is_octal(in_[at_ + 2])) {
      if (const auto code = octal(3, start)) literal(*code);
      return;
    }
    const auto number = *parse_number(in_.substr(at_, digits));
    at_ += digits;
    if (number > captures_) return fail("no such group: '{}'", in_.substr(start, at_ - start));
    found_.backtracking = true;
    item(fmt::format("\\g{{{}}}", number));
  }

  // An escape that is one character, wherever it stands.
  std::optional<std::uint32_t> character_escape(std::size_t start) {
    static constexpr std::string_view names = "afnrtv", codes = "\a\f\n\r\t\v";
    const char c = peek();
    if (is_octal(c)) return octal(3, start);
    if (eat("x")) return hexadecimal(2, start);
    if (eat("u")) return hexadecimal(4, start);
    if (eat("U")) return hexadecimal(8, start);
    if (const auto i = names.find(c); i != names.npos) {
      ++at_;
      return static_cast<unsigned char>(codes[i]);
    }
    if (is_letter(c) || is_digit(c)) {
      fail("bad escape '{}'", in_.substr(start, 2));
      return std::nullopt;
    }
    return take_character();
  }
  std::optional<std::uint32_t> octal(std::size_t most, std::size_t start) {
    std::uint32_t code = 0;
    for (std::size_t i = 0; i < most && is_octal(peek()); ++i)
      code = code * 8 + static_cast<std::uint32_t>(in_[at_++] - '0');
    if (code <= last_byte) return code;
    fail("octal escape beyond \\377: '{}'", in_.substr(start, at_ - start));
    return std::nullopt;
  }
  std::optional<std::uint32_t> hexadecimal(std::size_t digits, std::size_t start) {
    const auto text = in_.substr(at_, digits);
    std::uint32_t code = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code, 16);
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (text.size() != digits || end != text.data() + digits || error != std::errc{} || code > last_unicode ||
        surrogate) {
      fail("bad escape '{}'", in_.substr(start, at_ - start + digits));
      return std::nullopt;
    }
    at_ += digits;
    return code;
  }

  // --- classes

  void character_class(std::size_t start) {
    std::string text = eat("^") ? "[^" : "[";
    for (bool first = true; first || peek() != ']' || at_end(); first = false) {
      const auto member_at = at_;
      const auto low = take_member(start);
      if (!low) return;
      if (peek() != '-' || (at_ + 1 < in_.size() && in_[at_ + 1] == ']')) {
        text += low->category.empty() ? quoted(low->code) : low->category;
        continue;
      }
      ++at_;
      const auto high = take_member(start);
      if (!high) return;
      if (!low->category.empty() || !high->category.empty() || low->code > high->code)
        return fail("bad character range '{}'", in_.substr(member_at, at_ - member_at));
      text += quoted(low->code) + "-" + quoted(high->code);
    }
    ++at_;
    item(text + "]");
  }

  std::optional<Member> take_member(std::size_t class_at) {
    const auto start = at_;
    if (at_end() || (peek() == '\\' && at_ + 1 == in_.size())) {
      fail("unterminated character set '{}'", in_.substr(class_at));
      return std::nullopt;
    }
    Member member;
    if (!eat("\\")) {
      member.code = take_character();
    } else if (const auto category = category_of(peek())) {
      ++at_;
      member.category = *category;
    } else if (eat("b")) {
      member.code = '\b';
    } else if (const auto code = character_escape(start)) {
      member.code = *code;
    } else {
      return std::nullopt;
    }
    note(member.code);
    return member;
  }

  // --- repetition

  // "{2}", "{2,}", "{,3}", "{2,3}" and "{,}"; anything else in braces is text.
  std::optional<Repeat> take_repeat() {
    const auto end = in_.find('}', at_);
    if (end == in_.npos || end == at_ + 1) return std::nullopt;
    const auto inner = in_.substr(at_ + 1, end - at_ - 1);
    const auto comma = inner.find(',');
    const auto least = inner.substr(0, comma), most = comma == inner.npos ? least : inner.substr(comma + 1);
    for (const auto number : {least, most})
      if (!std::all_of(number.begin(), number.end(), is_digit)) return std::nullopt;
    at_ = end + 1;
    return Repeat{least.empty() ? 0 : parse_number(least).value_or(unlimited - 1),
                  most.empty() ? unlimited : parse_number(most).value_or(unlimited - 1)};
  }

  void repeat(Repeat times, std::size_t start) {
    const auto piece = in_.substr(start, at_ - start);
    if (last_ == Last::nothing) return fail("nothing to repeat at '{}'", in_.substr(start));
    if (last_ == Last::repeat) return fail("multiple repeat at '{}'", in_.substr(start));
    if (times.least > times.most) return fail("the first number is larger than the second: '{}'", piece);
    const bool limited = times.most != unlimited;
    const auto largest = limited ? times.most : times.least;
    if (largest > most_repeats) return fail("too many repetitions: '{}'", piece);
    if (largest > most_linear_repeats) found_.backtracking = true;
    if (piece.size() == 1) {
      out_ += piece;
    } else {
      out_ += fmt::format("{{{},{}}}", times.least, limited ? std::to_string(times.most) : "");
    }
    if (eat("?")) {
      out_ += '?';
    } else if (eat("+")) {
      out_ += '+';
      found_.backtracking = true;
    }
    last_ = Last::repeat;
    required_.repeat(times.least > 0);
    if (const auto copies = limited ? times.most : times.least; copies > 1) grow(groups_.back().last * (copies - 1));
  }

  // --- groups

  void open(std::size_t start) {
    Group group{.at = start, .verbose = groups_.back().verbose};
    std::string text;
    if (!eat("?")) {
      ++captures_;
      text = mode_.backtracking ? "(" : "(?:";
    } else if (eat("#")) {
      return skip_comment(start);
    } else if (eat("P=")) {
      return named_reference(start);
    } else if (eat("P<")) {
      if (const auto name = take_name('>', start)) text = named_group(*name);
    } else if (eat("(")) {
      if (const auto name = take_name(')', start)) text = condition(*name);
      group.is_matched = false;
    } else if (eat(">")) {
      found_.backtracking = true;
      text = "(?>";
    } else if (const auto look = look_around(); !look.empty()) {
      found_.backtracking = true;
      text = look;
      group.is_matched = false;
    } else if (!take_flags(group, text, start)) {
      return;
    }
    if (error_) return;
    out_ += text;
    groups_.push_back(group);
    last_ = Last::nothing;
    required_.open();
  }

  void close() {
    if (groups_.size() == 1) return fail("unbalanced parenthesis at '{}'", in_.substr(at_ - 1));
    out_ += ')';
    required_.close(groups_.back().is_matched);
    const auto size = groups_.back().size;
    groups_.pop_back();
    grow(size);
    last_ = Last::item;
  }

  void skip_comment(std::size_t start) {
    const auto end = in_.find(')', at_);
    if (end == in_.npos) return fail("missing ), unterminated comment '{}'", in_.substr(start));
    at_ = end + 1;
  }

  std::string look_around() {
    for (const std::string_view kind : {"=", "!", "<=", "<!"})
      if (eat(kind)) return "(?" + std::string{kind};
    return {};
  }

  // A name or a number, up to `end`.
  std::optional<std::string> take_name(char end, std::size_t start) {
    const auto size = in_.substr(at_).find(end);
    const auto name = in_.substr(at_, size);
    if (size == in_.npos || name.empty() || !std::all_of(name.begin(), name.end(), is_word)) {
      fail("bad group name at '{}'", in_.substr(start));
      return std::nullopt;
    }
    at_ += size + 1;
    return std::string{name};
  }
  std::string named_group(const std::string& name) {
    if (is_digit(name.front())) fail("bad group name '{}'", name);
    if (!names_.insert(name).second) fail("group name '{}' is used twice", name);
    ++captures_;
    return mode_.backtracking ? "(?P<" + name + ">" : "(?:";
  }
  void named_reference(std::size_t start) {
    const auto name = take_name(')', start);
    if (!name) return;
    if (!names_.contains(*name)) return fail("unknown group name '{}'", *name);
    found_.backtracking = true;
    item("(?P=" + *name + ")");
  }
  std::string condition(const std::string& name) {
    found_.backtracking = true;
    if (const auto number = parse_number(name)) {
      if (*number == 0 || *number > captures_) fail("no such group: '(?({})'", name);
      return fmt::format("(?({})", *number);
    }
    if (!names_.contains(name)) fail("unknown group name '{}'", name);
    return "(?(<" + name + ">)";
  }

  // "(?i)" for the whole pattern, "(?i-x:" for a group: false when there is no group to open. Values have one
  // line, so m and s change nothing; a, L and u choose what \w is, and it is ASCII.
  bool take_flags(Group& group, std::string& text, std::size_t start) {
    std::string on, off;
    while (std::string_view{"aiLmsux"}.find(peek()) != std::string_view::npos && !at_end()) on += in_[at_++];
    if (eat("-"))
      while (std::string_view{"imsx"}.find(peek()) != std::string_view::npos && !at_end()) off += in_[at_++];
    const auto has = [](const std::string& flags, char flag) { return flags.find(flag) != flags.npos; };
    if (off.empty() && !on.empty() && eat(")")) {
      found_.ignore_case |= has(on, 'i');
      found_.verbose |= has(on, 'x');
      return false;
    }
    if (!eat(":")) {
      fail("unknown extension '{}'", in_.substr(start, at_ + 1 - start));
      return false;
    }
    group.verbose = (group.verbose || has(on, 'x')) && !has(off, 'x');
    text = has(off, 'i') ? "(?-i:" : has(on, 'i') && mode_.fold ? "(?i:" : "(?:";
    return true;
  }

  std::string_view in_;
  Dialect dialect_;
  Mode mode_, found_;
  bool wide_ = false;
  std::size_t at_ = 0;
  std::string out_;
  Last last_ = Last::nothing;
  std::vector<Group> groups_;
  std::uint64_t captures_ = 0;
  std::set<std::string, std::less<>> names_;
  RequiredTexts required_;
  std::optional<std::string> error_;
};

// A text that matches itself and, if case does not count, its ASCII case variants only: the engines would
// also take the Kelvin sign for a k, and a hash table would not.
std::string literal_pattern(const Shape& shape, bool case_sensitive) {
  std::string out = shape.kind == Shape::Kind::exact || shape.kind == Shape::Kind::prefix ? "^" : "";
  for (const char c : shape.text) {
    if (is_letter(c) && !case_sensitive) {
      out += {'[', ascii_lower(c), ascii_upper(c), ']'};
    } else {
      out += quoted(static_cast<unsigned char>(c));
    }
  }
  return out + (shape.kind == Shape::Kind::exact || shape.kind == Shape::Kind::suffix ? "$" : "");
}

}  // namespace

Result<Translation, std::string> translate(std::string_view pattern, Dialect dialect, bool backtracking) {
  if (const auto shape = shape_of(pattern); shape.kind != Shape::Kind::none && !backtracking)
    return Translation{.text = literal_pattern(shape, dialect.case_sensitive),
                       .required = {to_lower(shape.text)},
                       .size = shape.text.size()};
  // Each pass may find out what a later one must know from the start.
  for (Mode mode{.ignore_case = !dialect.case_sensitive, .backtracking = backtracking};;) {
    Translator translator{pattern, dialect, mode};
    const bool read = translator.run();
    if (translator.found() == mode) {
      if (!read) return Unexpected{translator.error()};
      return translator.finish();
    }
    mode = translator.found();
  }
}

}  // namespace policymux
