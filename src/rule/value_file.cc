#include "rule/value_file.h"

#include <algorithm>

#include "base/text.h"
#include "rule/lexer.h"

namespace policymux {

namespace {

// Cuts pieces into values.
class LineCutter {
 public:
  explicit LineCutter(const ValueFile::Visit& visit) : visit_{visit} {}

  void cut(const TextPiece& piece) {
    std::string_view rest{piece.data(), piece.size()};
    if (line_ == 0) rest = without_byte_order_mark(rest);
    while (!rest.empty()) {
      const auto end = std::min(rest.find('\n'), rest.size());
      const auto value = trim(rest.substr(0, end));
      ++line_;
      if (!value.empty() && value.front() != '#') visit_(line_, value);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }

 private:
  const ValueFile::Visit& visit_;
  int line_ = 0;
};

}  // namespace

ValueFile::ValueFile(std::string path, ListText text)
    : path_{std::move(path)},
      signature_{text.signature},
      text_{std::make_shared<std::vector<TextPiece>>(std::move(text.pieces))} {
  for (const auto& piece : *text_) text_size_ += piece.size();
}

void ValueFile::for_each(const Visit& visit) const {
  LineCutter cutter{visit};
  for (const auto& piece : *text_) cutter.cut(piece);
}

void ValueFile::drain(const Visit& visit) {
  const auto pieces = std::exchange(text_, nullptr);
  const bool last_owner = pieces.use_count() == 1;  // another one is the version in force, whose text must stay
  LineCutter cutter{visit};
  for (auto& piece : *pieces) {
    cutter.cut(piece);
    if (last_owner) piece = {};
  }
}

ListIndexPtr ValueFile::index(const ListForm& form) const {
  const auto found = std::ranges::find(indexes_, form, &std::pair<ListForm, ListIndexPtr>::first);
  return found == indexes_.end() ? nullptr : found->second;
}

void ValueFile::take_over(const ValueFile& other) {
  size_ = other.size_;
  indexes_.insert(indexes_.end(), other.indexes_.begin(), other.indexes_.end());
}

ListIndexBuilder::ListIndexBuilder(const ListForm& form) : form_{form} {
  switch (form.way) {
    case Way::domain: builder_.emplace<DomainIndex::Builder>(); break;
    case Way::prefix: builder_.emplace<AffixIndex::Builder>(Affix::prefix); break;
    case Way::suffix: builder_.emplace<AffixIndex::Builder>(Affix::suffix); break;
    case Way::address: builder_.emplace<AddressIndex::Builder>(); break;
    case Way::exact: case Way::regex: case Way::number: break;
  }
}

void ListIndexBuilder::add(std::string_view value) {
  if (form_.null_sender && value == "<>") value = {};
  std::visit([&]<class Builder>(Builder& builder) {
    if constexpr (std::is_same_v<Builder, AddressIndex::Builder>) builder.add(*parse_address_range(value), 0);
    else if (form_.folded) builder.add(to_lower(value), 0);
    else builder.add(value, 0);
  }, builder_);
}

ListIndexPtr ListIndexBuilder::build() && {
  return std::visit([](auto& builder) {
    return std::make_shared<const ListIndex>(ListIndex{std::move(builder).build()});
  }, builder_);
}

}  // namespace policymux
