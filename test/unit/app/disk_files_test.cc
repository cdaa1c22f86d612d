#include "app/disk_files.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/temporary_directory.h"

namespace policymux {
namespace {

class Directory {
 public:
  std::string write(const std::string& name, std::string_view text) const {
    const auto path = directory_.path() + '/' + name;
    std::ofstream{path, std::ios::binary} << text;
    return path;
  }
  const std::string& path() const { return directory_.path(); }

 private:
  test::TemporaryDirectory directory_;
};

std::string joined(const ListText& text) {
  std::string all;
  for (const auto& piece : text.pieces) all.append(piece.data(), piece.size());
  return all;
}

}  // namespace

TEST_CASE("a list is read in pieces that end where lines end") {
  constexpr std::size_t piece = large_page;
  const std::string line = "a line of some length\n", endless(3 * piece, 'x');
  std::string many;
  while (many.size() < 3 * piece) many += line;
  const std::string cases[] = {"", "one", "one\n", "one\ntwo", many, many + "end", endless, endless + "\n" + many,
                               many + endless, std::string(piece, '\n'), many + endless + "\n" + line};
  const Directory directory;
  DiskFiles files;
  for (const auto& text : cases) {
    CAPTURE(text.size());
    const auto read = files.read_list(directory.write("list", text));
    REQUIRE(read);
    CHECK(joined(*read) == text);
    for (std::size_t i = 0; i + 1 < read->pieces.size(); ++i) CHECK(read->pieces[i].back() == '\n');
  }
}

TEST_CASE("a signature changes with the content, and only then") {
  const Directory directory;
  const auto path = directory.write("list", "one\n");
  DiskFiles files;
  const auto first = files.read_list(path);
  REQUIRE(first);
  REQUIRE(first->signature);
  CHECK(files.signature(path) == first->signature);
  CHECK(files.read_list(path)->signature == first->signature);
  CHECK(first->signature->size == 4);

  directory.write("list", "two\n");
  CHECK(files.signature(path) != first->signature);

  const auto same = files.read_list(path)->signature;
  std::filesystem::rename(directory.write("other", "two\n"), path);
  CHECK(files.signature(path) != same);
}

TEST_CASE("what cannot be read as a list says why") {
  const Directory directory;
  REQUIRE(::mkfifo((directory.path() + "/pipe").c_str(), 0600) == 0);
  const std::pair<std::string, std::string> cases[] = {
      {"/nowhere", "No such file or directory"}, {"", "Is a directory"}, {"/pipe", "Not a regular file"}};
  DiskFiles files;
  for (const auto& [name, why] : cases) {
    CAPTURE(name);
    const auto read = files.read_list(directory.path() + name);
    REQUIRE_FALSE(read);
    CHECK(read.error() == why);
  }
  CHECK(files.signature(directory.path() + "/nowhere") == std::nullopt);
}

}  // namespace policymux
