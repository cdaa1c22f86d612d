#include "match/literal_index.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace policymux {

namespace {

constexpr std::size_t long_gram = 4, short_gram = 2;
constexpr std::size_t smallest_table = 256;

}  // namespace

LiteralIndex LiteralIndex::Builder::build() && {
  LiteralIndex index;
  std::vector<const Text*> long_texts, short_texts;
  for (const auto& text : texts_) (text.text.size() < long_gram ? short_texts : long_texts).push_back(&text);
  index.add_table(long_gram, std::move(long_texts));
  index.add_table(short_gram, std::move(short_texts));
  return index;
}

void LiteralIndex::add_table(std::size_t gram_size, std::vector<const Builder::Text*> texts) {
  if (texts.empty()) return;
  const auto size = std::bit_ceil(std::max(smallest_table, 4 * texts.size()));
  Table table{.gram_size = gram_size,
              .mask = gram_size == long_gram ? ~0u : 0xffffu,
              .shift = 32 - static_cast<unsigned>(std::countr_zero(size)),
              .starts = LargeVector<std::uint32_t>(size + 1, 0),
              .used = LargeVector<std::uint64_t>(size / 64, 0)};
  static_assert(std::endian::native == std::endian::little, "the mask keeps the first two bytes");
  const auto each_gram = [&](const Builder::Text& text, auto visit) {
    const auto padded = text.text + std::string(padding, '\0');
    for (std::size_t at = 0; at + gram_size <= text.text.size(); ++at) visit(at, table.slot(&padded[at]));
  };

  std::vector<std::uint32_t> frequency(size, 0);
  for (const auto* text : texts) each_gram(*text, [&](std::size_t, std::uint32_t slot) { ++frequency[slot]; });

  struct Filed {
    std::uint32_t slot;
    Entry entry;
  };
  std::vector<Filed> filed;
  for (const auto* text : texts) {
    Filed best{
        0,
        {static_cast<std::uint32_t>(texts_.size()), static_cast<std::uint16_t>(text->text.size()), 0, text->payload}};
    auto least = ~std::uint32_t{0};
    each_gram(*text, [&](std::size_t at, std::uint32_t slot) {
      if (frequency[slot] >= least) return;
      least = frequency[slot];
      best.slot = slot;
      best.entry.gram = static_cast<std::uint16_t>(at);
    });
    texts_ += text->text;
    filed.push_back(best);
    ++table.starts[best.slot + 1];
    table.used[best.slot / 64] |= std::uint64_t{1} << (best.slot % 64);
  }
  std::sort(filed.begin(), filed.end(), [](const Filed& a, const Filed& b) { return a.slot < b.slot; });
  table.starts.front() = static_cast<std::uint32_t>(entries_.size());
  std::partial_sum(table.starts.begin(), table.starts.end(), table.starts.begin());
  for (const auto& f : filed) entries_.push_back(f.entry);
  tables_[gram_size == long_gram ? 0 : 1] = std::move(table);
}

}  // namespace policymux
