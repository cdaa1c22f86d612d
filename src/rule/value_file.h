// A list of values in a file: what it said when it was read, and how it is asked.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/large_pages.h"
#include "match/address.h"
#include "match/text_index.h"

namespace policymux {

// One way of asking about a text, an address or a number of the request.
enum class Way : std::uint8_t { exact, domain, prefix, suffix, regex, address, number };

// What an index of a whole list depends on, beside the list.
struct ListForm {
  Way way = Way::exact;
  bool folded = true;        // ASCII-lower-cased
  bool null_sender = false;  // `<>` is the empty text
  bool operator==(const ListForm&) const = default;
};

// A list as an index of its own: one answer for all its values.
struct ListIndex {
  std::variant<ExactIndex, DomainIndex, AffixIndex, AddressIndex> index;
};
using ListIndexPtr = std::shared_ptr<const ListIndex>;

// What a file looks like from outside: a file with the same signature has the same content.
struct Signature {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified = 0, changed = 0;  // nanoseconds since 1970: of the content, and of anything
  auto operator<=>(const Signature&) const = default;
};

// The text of a value file in pieces, each of which ends where a line ends: so it can be let go of bit by bit.
using TextPiece = LargeVector<char>;
struct ListText {
  static ListText whole(std::string_view text) { return {{TextPiece{text.begin(), text.end()}}, std::nullopt}; }

  std::vector<TextPiece> pieces{};
  std::optional<Signature> signature{};  // nullopt: not known
};

// One version of a value file. Made by the loader; immutable from then on, and shared between acls and tables.
//   Memory  the indexes, and the text for as long as somebody must see the values themselves.
class ValueFile {
 public:
  // Gets the number of the line, and the value: trimmed; comments and blank lines are left out.
  using Visit = std::function<void(int line, std::string_view value)>;

  ValueFile(std::string path, ListText text);

  const std::string& path() const { return path_; }
  // nullopt: like no other version.
  const std::optional<Signature>& signature() const { return signature_; }
  std::size_t size() const { return size_; }  // values; 0 until they have been looked at
  std::size_t text_size() const { return text_size_; }  // bytes, when it was read
  bool has_text() const { return text_ != nullptr; }

  // All values in order. Cost: one pass. REQUIRES: has_text().
  void for_each(const Visit& visit) const;

  // nullptr: it was not asked for when this was loaded.
  ListIndexPtr index(const ListForm& form) const;

  // For the loader.
  void add(const ListForm& form, ListIndexPtr index) { indexes_.emplace_back(form, std::move(index)); }
  void set_size(std::size_t values) { size_ = values; }
  // The same as for_each(), for the last time: the text goes while the caller makes something else of it.
  void drain(const Visit& visit);
  void forget_text() { text_.reset(); }
  // REQUIRES: `other` is the same version.
  void take_over(const ValueFile& other);

 private:
  std::string path_;
  std::optional<Signature> signature_;
  std::size_t size_ = 0, text_size_ = 0;
  std::shared_ptr<std::vector<TextPiece>> text_;
  std::vector<std::pair<ListForm, ListIndexPtr>> indexes_;
};
using ValueFilePtr = std::shared_ptr<const ValueFile>;

// Makes the index of a list, value by value.
class ListIndexBuilder {
 public:
  explicit ListIndexBuilder(const ListForm& form);
  // REQUIRES: the value was checked.
  void add(std::string_view value);
  ListIndexPtr build() &&;

 private:
  ListForm form_;
  std::variant<ExactIndex::Builder, DomainIndex::Builder, AffixIndex::Builder, AddressIndex::Builder> builder_;
};

}  // namespace policymux
