#include "base/large_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bitset>
#include <cstdint>
#include <mutex>
#include <new>
#include <optional>
#include <vector>

#include "base/sanitizer.h"

namespace policymux {

namespace {

constexpr std::align_val_t cache_line{64};

constexpr bool may_share = POLICYMUX_ADDRESS_SANITIZER == 0;  // it watches over the heap's blocks

std::atomic<std::size_t> in_use{0};  // bytes that are not the heap's

std::size_t whole_pages(std::size_t bytes) {
  constexpr std::size_t page = 65'536;  // a multiple of every page size in use
  return (bytes + page - 1) & ~(page - 1);
}

// Begins at a multiple of large_page: maps one too much and gives back what lies before and behind.
char* map_large(std::size_t size) {
  const auto mapped = size + large_page;
  void* all = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) throw std::bad_alloc{};
  auto* begin = static_cast<char*>(all);
  const auto before = -reinterpret_cast<std::uintptr_t>(begin) % large_page;
  if (before > 0) ::munmap(begin, before);
  ::munmap(begin + before + size, large_page - before);
  ::madvise(begin + before, size, MADV_HUGEPAGE);  // a wish: nothing depends on it
  return begin + before;
}

// Large pages that blocks have in common: each goes where the first gap is wide enough. A page that was three fifths
// full takes no more until three quarters are free: the gaps that a table leaves while it is built are not for the next
// one, so that most of its pages go when it goes.
class SharedPages {
 public:
  static bool takes(std::size_t bytes) { return may_share && bytes >= smallest && bytes < large_page; }

  // nullptr: there is no room, and the block is too small to have a page mapped for it.
  void* allocate(std::size_t bytes) {
    const auto size = granules(bytes);
    const std::lock_guard lock{mutex_};
    for (auto& page : pages_)
      if (const auto gap = page.gap(size)) return page.take(*gap, size);
    if (bytes < smallest_that_opens) return nullptr;
    pages_.reserve(pages_.size() + 1);  // nothing may throw once it is mapped
    return pages_.emplace_back(map_large(large_page)).take(0, size);
  }

  // Was it ours?
  bool take_back(void* block, std::size_t bytes) noexcept {
    const std::lock_guard lock{mutex_};
    auto* at = static_cast<char*>(block);
    const auto page = std::ranges::find_if(pages_, [at](const Page& one) { return one.holds(at); });
    if (page == pages_.end()) return false;
    page->give_back(at, granules(bytes));
    if (!page->is_empty()) return true;
    ::munmap(page->begin(), large_page);
    pages_.erase(page);
    return true;
  }

 private:
  static constexpr std::size_t smallest = 16'384, smallest_that_opens = 65'536, granule = 4'096;

  static std::size_t granules(std::size_t bytes) { return (bytes + granule - 1) / granule; }

  class Page {
   public:
    explicit Page(char* begin) : begin_{begin} {}

    char* begin() const { return begin_; }
    bool holds(const char* at) const { return at >= begin_ && at < begin_ + large_page; }
    bool is_empty() const { return used_.none(); }

    std::optional<std::size_t> gap(std::size_t size) const {
      if (!takes_more_) return std::nullopt;
      for (std::size_t at = 0, free = 0; at < used_.size(); ++at) {
        free = used_[at] ? 0 : free + 1;
        if (free == size) return at + 1 - size;
      }
      return std::nullopt;
    }
    char* take(std::size_t at, std::size_t size) {
      in_use += size * granule;
      for (std::size_t i = 0; i < size; ++i) used_.set(at + i);
      if (used_.count() >= well_filled) takes_more_ = false;
      return begin_ + at * granule;
    }
    void give_back(const char* block, std::size_t size) {
      in_use -= size * granule;
      const auto at = static_cast<std::size_t>(block - begin_) / granule;
      for (std::size_t i = 0; i < size; ++i) used_.reset(at + i);
      if (used_.count() <= quarter) takes_more_ = true;
    }

   private:
    static constexpr std::size_t all = large_page / granule, quarter = all / 4, well_filled = all * 3 / 5;
    char* begin_;
    std::bitset<all> used_;
    bool takes_more_ = true;
  };

  std::mutex mutex_;
  std::vector<Page> pages_;
};

// Never destroyed: whoever has a block may live as long as the process.
SharedPages& shared_pages() {
  static auto& pages = *new SharedPages;
  return pages;
}

}  // namespace

void* allocate_large(std::size_t bytes) {
  if (bytes >= large_page) {
    const auto size = whole_pages(bytes);
    auto* block = map_large(size);
    in_use += size;
    return block;
  }
  void* shared = SharedPages::takes(bytes) ? shared_pages().allocate(bytes) : nullptr;
  return shared != nullptr ? shared : ::operator new(bytes, cache_line);
}

void free_large(void* block, std::size_t bytes) noexcept {
  if (bytes >= large_page) {
    ::munmap(block, whole_pages(bytes));
    in_use -= whole_pages(bytes);
  } else if (!SharedPages::takes(bytes) || !shared_pages().take_back(block, bytes)) {
    ::operator delete(block, cache_line);
  }
}

std::size_t large_bytes() { return in_use; }

}  // namespace policymux
