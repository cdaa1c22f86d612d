#include "rule/value_file.h"

#include <algorithm>

#include "base/text.h"
#include "rule/lexer.h"

namespace policymux {

void ValueFile::for_each(const std::function<void(int, std::string_view)>& f) const {
  auto rest = without_byte_order_mark(*text_);
  for (int line = 1; !rest.empty(); ++line) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto value = trim(rest.substr(0, end));
    if (!value.empty() && value.front() != '#') f(line, value);
    rest.remove_prefix(std::min(end + 1, rest.size()));
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
