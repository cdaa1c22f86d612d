#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <mutex>
#include <numeric>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "base/large_pages.h"
#include "base/text.h"
#include "match/linear.h"
#include "match/literal_index.h"
#include "match/regex.h"
#include "match/shape.h"
#include "match/text_index.h"

namespace policymux {

namespace {

// Patterns in a set. Small sets have small automata; those with a telling text are seldom run at all.
constexpr std::size_t set_size = 64, weakly_filtered_set_size = 16;
constexpr std::size_t telling_text = 4;  // bytes
constexpr std::int64_t filtered_memory = 8 << 20, always_memory = 64 << 20;
constexpr std::size_t longest_literal = 256;
constexpr std::size_t fewest_of_a_head = 8, most_of_a_text = 8;

// What one look-up may still cost: bytes of the value times the size of the patterns that are run, see RegexIndex.
class Budget {
 public:
  explicit Budget(std::size_t value_size) : value_size_{value_size} {}
  bool affords(std::uint64_t pattern_size) {
    if (value_size_ <= RegexIndex::always_searched) return true;
    const auto steps = value_size_ * pattern_size;
    if (steps > left_) return false;
    left_ -= steps;
    return true;
  }

 private:
  std::size_t value_size_;
  std::uint64_t left_ = RegexIndex::most_steps;
};

// What automata are tried on before they serve: building their first states takes longest.
constexpr std::string_view typical_values[] = {
    "",
    "unknown",
    "alice.smith@mail.example.org",
    "mail-out01.example.com",
    "host-192-0-2-17.dsl.dynamic.isp.example.net",
    "bounce+0123456789ABCDEF=user=example.com@lists.example.net",
    "m\xc3\xbcller@xn--mller-kva.example",
};

struct Item {
  std::string pattern;
  std::uint32_t id = 0;
  std::uint64_t size = 0;  // see Translation
};

// Some linear patterns as one automaton, or rather two.
class PatternSet {
 public:
  // Nothing: too large for `memory`.
  static std::unique_ptr<PatternSet> compile(std::vector<Item> items, bool case_sensitive, std::int64_t memory) {
    auto set = std::unique_ptr<PatternSet>{new PatternSet{std::move(items), case_sensitive, memory}};
    set->compile_into(set->characters_, true);
    return set->characters_.set ? std::move(set) : nullptr;
  }

  void warm(bool utf8) const {
    IdList out;
    for (const auto value : typical_values) find(value, utf8, out);
  }

  std::uint64_t size() const { return size_; }
  void give_up(IdList& gave_up) const {
    for (const auto& item : items_) gave_up.push_back(item.id);
  }

  void find(std::string_view value, bool utf8, IdList& out) const {
    if (!utf8) std::call_once(bytes_compiled_, [this] { compile_into(bytes_, false); });
    const auto& engine = utf8 ? characters_ : bytes_;
    if (!engine.set) return find_one_by_one(value, utf8, out);
    // Asks for the numbers only when there are some: that allocates.
    RE2::Set::ErrorInfo error{};
    if (!engine.set->Match(linear::text(value), nullptr, &error)) {
      if (error.kind == RE2::Set::kOutOfMemory) find_one_by_one(value, utf8, out);
      return;
    }
    thread_local std::vector<int> numbers;
    if (!engine.set->Match(linear::text(value), &numbers, &error)) return find_one_by_one(value, utf8, out);
    for (const auto number : numbers) out.push_back(engine.ids[static_cast<std::size_t>(number)]);
  }

 private:
  struct EngineSet {
    std::unique_ptr<RE2::Set> set;
    std::vector<std::uint32_t> ids;  // by number in the set
  };

  PatternSet(std::vector<Item> items, bool case_sensitive, std::int64_t memory)
      : items_{std::move(items)}, case_sensitive_{case_sensitive}, memory_{memory} {
    for (const auto& item : items_) size_ += item.size;
  }

  void compile_into(EngineSet& engine, bool utf8) const {
    auto set = std::make_unique<RE2::Set>(linear::options(utf8, memory_), RE2::UNANCHORED);
    for (const auto& item : items_) {
      const auto translation = translate(item.pattern, {.case_sensitive = case_sensitive_, .utf8 = utf8});
      if (translation->wide) continue;
      std::string error;
      if (set->Add(linear::text(translation->text), &error) < 0) return;
      engine.ids.push_back(item.id);
    }
    if (set->Compile()) engine.set = std::move(set);
  }

  // RE2::Set has no second engine for when its automaton runs out of memory; RE2 has one. Has not been seen
  // to happen: compile() fails first.
  void find_one_by_one(std::string_view value, bool utf8, IdList& out) const {
    for (const auto& item : items_) {
      const auto translation = translate(item.pattern, {.case_sensitive = case_sensitive_, .utf8 = utf8});
      if (translation->wide) continue;
      const auto engine = linear::compile(translation->text, utf8, always_memory);
      if (engine->ok() && linear::search(*engine, value)) out.push_back(item.id);
    }
  }

  std::vector<Item> items_;
  bool case_sensitive_;
  std::int64_t memory_;
  std::uint64_t size_ = 0;  // of all patterns
  EngineSet characters_;
  mutable EngineSet bytes_;
  mutable std::once_flag bytes_compiled_;
};

using Sets = std::vector<std::unique_ptr<PatternSet>>;

// To an engine that ignores case a long s is an s and a Kelvin sign a k; to our own comparisons they are not.
constexpr std::pair<std::string_view, char> foreign_letters[] = {{"\xc5\xbf", 's'}, {"\xe2\x84\xaa", 'k'}};

bool has_foreign_letters(std::string_view value) {
  return std::ranges::any_of(foreign_letters, [&](const auto& one) { return value.find(one.first) != value.npos; });
}

std::string without_foreign_letters(std::string_view value) {
  std::string out;
  while (!value.empty()) {
    const auto* const foreign =
        std::ranges::find_if(foreign_letters, [&](const auto& one) { return value.starts_with(one.first); });
    const bool found = foreign != std::end(foreign_letters);
    out += found ? foreign->second : value.front();
    value.remove_prefix(found ? foreign->first.size() : 1);
  }
  return out;
}

// The value without its last `size` characters. REQUIRES: UTF-8, and it has as many.
std::string_view without_last_characters(std::string_view value, std::size_t size) {
  for (; size > 0; --size) {
    while ((static_cast<unsigned char>(value.back()) & 0xc0) == 0x80) value.remove_suffix(1);
    value.remove_suffix(1);
  }
  return value;
}

// A payload of the filter: a set to run, or the id of a pattern that is found when its text is.
constexpr std::uint32_t direct_bit = 1u << 31;

// A value, and what is asked about it more than once.
struct Value {
  std::string_view text;
  std::string_view lower;  // with LiteralIndex::padding behind it
  bool utf8;
  bool foreign;  // it has letters that are others' in disguise, to an engine that ignores case
};

// `buffer` holds the lower case text.
Value read(std::string_view text, std::string& buffer) {
  if (buffer.size() < text.size() + LiteralIndex::padding) buffer.resize(text.size() + LiteralIndex::padding);
  const bool ascii = lower_into(buffer.data(), text);
  const bool utf8 = ascii || is_utf8(text);
  return {text, {buffer.data(), text.size()}, utf8, utf8 && !ascii && has_foreign_letters(text)};
}

// Patterns that end with a text each and have a head in common with others (see Tail): a probe for the text finds
// them, and a few small automata that are always in use look at what stands before it.
class TailIndex {
 public:
  struct Entry {
    Tail tail;
    std::uint32_t id;
    std::uint64_t size;  // see Translation
  };

  TailIndex() = default;
  TailIndex(const std::vector<Entry>& entries, bool case_sensitive) : case_sensitive_{case_sensitive} {
    AffixIndex::Builder texts{Affix::suffix};
    std::unordered_map<std::string_view, std::uint32_t> numbers;
    for (const auto& [tail, id, size] : entries) {
      const auto [at, added] = numbers.emplace(tail.head, static_cast<std::uint32_t>(heads_.size()));
      if (added) heads_.emplace_back(tail.head, case_sensitive);
      texts.add(case_sensitive ? tail.text : to_lower(tail.text), static_cast<std::uint32_t>(patterns_.size()));
      patterns_.push_back({id, at->second, tail.text.size(), size});
    }
    texts_ = std::move(texts).build();
    for (const auto& head : heads_) {
      for (const auto value : typical_values) head.search(value);
    }
  }

  bool empty() const { return patterns_.empty(); }
  void find(const Value& value, Budget& budget, IdList& out, IdList& gave_up) const {
    thread_local IdList ending;
    ending.clear();
    const bool disguised = !case_sensitive_ && value.foreign;
    if (disguised) {
      texts_.find(without_foreign_letters(value.lower), ending);
    } else {
      texts_.find(case_sensitive_ ? value.text : value.lower, ending);
    }
    for (const auto number : ending) {
      const auto& pattern = patterns_[number];
      const auto rest = disguised ? without_last_characters(value.text, pattern.characters)
                                  : value.text.substr(0, value.text.size() - pattern.characters);
      if (!budget.affords(pattern.size)) {
        gave_up.push_back(pattern.id);
      } else if (heads_[pattern.head].search(rest, value.utf8)) {
        out.push_back(pattern.id);
      }
    }
  }

 private:
  struct Pattern {
    std::uint32_t id;
    std::uint32_t head;      // index of heads_
    std::size_t characters;  // of the text
    std::uint64_t size;
  };

  bool case_sensitive_ = false;
  AffixIndex texts_{};
  LargeVector<Pattern> patterns_{};
  std::vector<linear::Engines> heads_{};
};

// A pattern that is run by itself: backtracking, not UTF-8, or too large for a set.
struct Single {
  Pattern pattern;
  std::uint32_t id;
  std::uint64_t size;
};

}  // namespace

struct RegexIndex::Data {
  TailIndex tails;
  LiteralIndex filter;
  Sets filtered, always;
  std::vector<Single> singly;

  void find(std::string_view text, IdList& out, IdList& gave_up) const;
  const std::vector<std::uint32_t>& due_sets(const Value& value, IdList& out) const;
};

void RegexIndex::Data::find(std::string_view text, IdList& out, IdList& gave_up) const {
  thread_local std::string buffer;
  const auto value = read(text, buffer);
  Budget budget{text.size()};
  const auto run = [&](const PatternSet& set) {
    budget.affords(set.size()) ? set.find(text, value.utf8, out) : set.give_up(gave_up);
  };
  if (!tails.empty()) tails.find(value, budget, out, gave_up);
  if (!filter.empty()) {
    for (const auto set : due_sets(value, out)) run(*filtered[set]);
  }
  for (const auto& set : always) run(*set);
  for (const auto& single : singly) {
    // The backtracking engine has a limit of its own.
    const bool may_run = single.pattern.engine() == Engine::backtracking || budget.affords(single.size);
    const auto found = may_run ? single.pattern.search(text) : Found::gave_up;
    if (found != Found::no) (found == Found::yes ? out : gave_up).push_back(single.id);
  }
}

// The sets that the filter cannot rule out. To `out` go the ids of patterns that are nothing but a text of the filter.
const std::vector<std::uint32_t>& RegexIndex::Data::due_sets(const Value& value, IdList& out) const {
  thread_local std::vector<std::uint32_t> due;
  due.clear();
  const auto begin = static_cast<std::ptrdiff_t>(out.size());
  filter.find(value.lower, [&](std::uint32_t payload) {
    if ((payload & direct_bit) == 0) return due.push_back(payload);
    const auto id = payload & ~direct_bit;
    if (std::find(out.begin() + begin, out.end(), id) == out.end()) out.push_back(id);
  });
  if (value.foreign) {
    due.resize(filtered.size());
    std::iota(due.begin(), due.end(), 0u);
  }
  if (due.size() < 2) return due;
  std::sort(due.begin(), due.end());
  due.erase(std::unique(due.begin(), due.end()), due.end());
  return due;
}

// --- building --------------------------------------------------------------------------------------------

struct RegexIndex::Builder::State {
  // A linear pattern, and texts of which every match has one.
  struct Candidate {
    Item item;
    std::vector<std::string> required;
    std::optional<Tail> tail{};
  };

  bool case_sensitive;
  LiteralIndex::Builder filter{};
  std::vector<Candidate> filtered{}, weakly_filtered{}, always{};
  std::vector<Item> singly{};

  void add(std::string_view pattern, std::uint32_t id);
  TailIndex take_tails();
  void compile_sets(std::span<Candidate> candidates, std::size_t size, Sets& sets);
  void compile(std::span<Candidate> candidates, std::int64_t memory, Sets& sets);
};

void RegexIndex::Builder::State::add(std::string_view pattern, std::uint32_t id) {
  const bool utf8 = is_utf8(pattern);
  auto translation = translate(pattern, {.case_sensitive = case_sensitive, .utf8 = utf8});
  assert(translation);
  Item item{std::string{pattern}, id, translation->size};
  if (!utf8 || translation->backtracking) return singly.push_back(std::move(item));
  auto& required = translation->required;
  for (auto& text : required) text.resize(std::min(text.size(), longest_literal));  // a part will do
  std::size_t shortest = required.empty() ? 0 : longest_literal;
  for (const auto& text : required) shortest = std::min(shortest, text.size());
  const auto shape = shape_of(pattern);
  if (shortest < LiteralIndex::shortest) {
    always.push_back({std::move(item), {}});
  } else if (shape.kind == Shape::Kind::substring && shape.text.size() <= longest_literal && !case_sensitive) {
    filter.add(required.front(), id | direct_bit);
  } else {
    auto tail = shape.kind == Shape::Kind::none ? tail_of(pattern) : std::nullopt;
    (shortest < telling_text ? weakly_filtered : filtered)
        .push_back({std::move(item), std::move(required), std::move(tail)});
  }
}

// Takes the patterns that have a head in common with enough others, and their text with not too many.
TailIndex RegexIndex::Builder::State::take_tails() {
  std::unordered_map<std::string_view, std::size_t> heads, texts;
  for (const auto& one : filtered) {
    if (!one.tail) continue;
    ++heads[one.tail->head];
    ++texts[one.tail->text];
  }
  const auto taken = [&](const Candidate& one) {
    return one.tail && heads[one.tail->head] >= fewest_of_a_head && texts[one.tail->text] <= most_of_a_text;
  };
  std::vector<TailIndex::Entry> tails;
  std::vector<Candidate> others;
  for (const auto& one : filtered) {
    if (taken(one)) tails.push_back({*one.tail, one.item.id, one.item.size});
    else others.push_back(one);
  }
  filtered = std::move(others);
  return {tails, case_sensitive};
}

void RegexIndex::Builder::State::compile_sets(std::span<Candidate> candidates, std::size_t size, Sets& sets) {
  for (; !candidates.empty(); candidates = candidates.subspan(std::min(size, candidates.size())))
    compile(candidates.first(std::min(size, candidates.size())), filtered_memory, sets);
}

// One set, or several where one would be too large; `filter` learns which texts lead to which set.
void RegexIndex::Builder::State::compile(std::span<Candidate> candidates, std::int64_t memory, Sets& sets) {
  if (candidates.empty()) return;
  std::vector<Item> items;
  for (const auto& candidate : candidates) items.push_back(candidate.item);
  if (auto set = PatternSet::compile(std::move(items), case_sensitive, memory)) {
    set->warm(true);
    if (memory == always_memory) set->warm(false);  // a large one would take too long when it is needed
    for (const auto& candidate : candidates)
      for (const auto& text : candidate.required) filter.add(text, static_cast<std::uint32_t>(sets.size()));
    return sets.push_back(std::move(set));
  }
  if (candidates.size() == 1) return singly.push_back(std::move(candidates.front().item));
  const auto half = candidates.size() / 2;
  compile(candidates.first(half), memory, sets);
  compile(candidates.subspan(half), memory, sets);
}

RegexIndex::Builder::Builder(bool case_sensitive) : state_{std::make_unique<State>(State{case_sensitive})} {}
RegexIndex::Builder::~Builder() = default;
RegexIndex::Builder::Builder(Builder&&) noexcept = default;
RegexIndex::Builder& RegexIndex::Builder::operator=(Builder&&) noexcept = default;

void RegexIndex::Builder::add(std::string_view text, std::uint32_t id) {
  assert(id < id_limit);
  state_->add(text, id);
}

Result<RegexIndex, std::string> RegexIndex::Builder::build() && {
  auto state = std::move(*std::exchange(state_, nullptr));
  auto data = std::make_unique<Data>();
  data->tails = state.take_tails();
  state.compile_sets(state.filtered, set_size, data->filtered);
  state.compile_sets(state.weakly_filtered, weakly_filtered_set_size, data->filtered);
  state.compile(state.always, always_memory, data->always);
  data->filter = std::move(state.filter).build();
  for (const auto& item : state.singly) {
    auto pattern = Pattern::parse(item.pattern, state.case_sensitive);
    if (!pattern) return Unexpected{fmt::format("'{}': {}", item.pattern, pattern.error())};
    data->singly.push_back({*std::move(pattern), item.id, item.size});
  }
  return RegexIndex{std::move(data)};
}

RegexIndex::RegexIndex() : data_{std::make_unique<const Data>()} {}
RegexIndex::RegexIndex(std::unique_ptr<const Data> data) : data_{std::move(data)} {}
RegexIndex::RegexIndex(RegexIndex&&) noexcept = default;
RegexIndex& RegexIndex::operator=(RegexIndex&&) noexcept = default;
RegexIndex::~RegexIndex() = default;

std::size_t RegexIndex::backtracking() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      data_->singly, [](const Single& single) { return single.pattern.engine() == Engine::backtracking; }));
}

void RegexIndex::find(std::string_view value, IdList& out, IdList& gave_up) const {
  data_->find(value, out, gave_up);
}

}  // namespace policymux
