#include "app/memory.h"

#include <malloc.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "base/sanitizer.h"
#include "support/catch.h"

using namespace policymux;

namespace {

struct Piece { char bytes[80]; };
using Pieces = std::vector<std::unique_ptr<Piece>>;

Pieces make_pieces(std::size_t n) {
  Pieces pieces(n);
  for (auto& piece : pieces) piece = std::make_unique<Piece>();
  return pieces;
}

#if !POLICYMUX_ADDRESS_SANITIZER  // its allocator keeps what is freed
std::size_t resident_pages() {
  std::size_t size = 0, resident = 0;
  std::ifstream{"/proc/self/statm"} >> size >> resident;
  return resident;
}
#endif

}  // namespace

// A client waited 17 ms after a reload of 100,000 lines, and longer for the first answer after the start, until all
// that reading had freed was put together.
TEST_CASE("nothing that is freed waits to be put together") {
  tidy_as_we_free();
  auto pieces = make_pieces(10'000);
  for (auto& piece : pieces) piece.reset();  // to free something large would put them together
  CHECK(::mallinfo2().fsmblks == 0);
}

#if !POLICYMUX_ADDRESS_SANITIZER
// 20,000 lines took 18 MiB after one reload and 31 after the next, 100,000 lines 51 and 94.
TEST_CASE("the end of a thread's arena goes back to the system, whatever was freed before") {
  tidy_as_we_free();
  std::size_t before = 0, after = 0;
  std::thread{[&] {
    std::vector<char>(std::size_t{30} << 20).clear();  // glibc would keep up to twice as much from now on
    before = resident_pages();
    make_pieces(400'000).clear();
    give_memory_back();
    after = resident_pages();
  }}.join();
  CHECK(after < before + (4u << 20) / static_cast<std::size_t>(::getpagesize()));
}

TEST_CASE("memory that is free goes back to the system, also from between what is in use") {
  const auto before = make_pieces(1000);
  auto pieces = make_pieces(200'000);
  const auto after = make_pieces(1000);
  pieces.clear();
  const auto resident = resident_pages();
  give_memory_back();
  const auto pages = 200'000 * sizeof(Piece) / static_cast<std::size_t>(::getpagesize());
  CHECK(resident_pages() + pages / 2 < resident);
}
#endif
