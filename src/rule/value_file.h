// A list of values in a file: what it said when it was read, and how it is asked.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

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

// One version of a value file. Made by the loader; immutable from then on, and shared between acls and tables.
//   Memory  the indexes, and the text for as long as somebody must see the values themselves.
class ValueFile {
 public:
  // `signature`: two versions with the same one are the same; empty: like no other.
  ValueFile(std::string path, std::string signature, std::string text)
      : path_{std::move(path)},
        signature_{std::move(signature)},
        text_{std::make_shared<const std::string>(std::move(text))} {}

  const std::string& path() const { return path_; }
  const std::string& signature() const { return signature_; }
  std::size_t size() const { return size_; }  // values; 0 until they have been looked at
  std::size_t text_size() const { return text_ ? text_->size() : 0; }
  bool has_text() const { return text_ != nullptr; }

  // Calls f(line number, value) for each value, in order: trimmed, without comments and blank lines. Cost: one
  // pass. REQUIRES: has_text().
  void for_each(const std::function<void(int, std::string_view)>& f) const;

  // nullptr: it was not asked for when this was loaded.
  ListIndexPtr index(const ListForm& form) const;

  // For the loader.
  void add(const ListForm& form, ListIndexPtr index) { indexes_.emplace_back(form, std::move(index)); }
  void set_size(std::size_t values) { size_ = values; }
  void forget_text() { text_.reset(); }
  // REQUIRES: `other` is the same version.
  void take_over(const ValueFile& other);

 private:
  std::string path_, signature_;
  std::size_t size_ = 0;
  std::shared_ptr<const std::string> text_;
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
