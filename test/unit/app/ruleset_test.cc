#include "app/ruleset.h"

#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/temporary_directory.h"

namespace policymux {
namespace {

namespace fs = std::filesystem;
using What = ListNews::What;

// A policy with lists in a directory of its own, as a daemon has it in force.
class Site {
 public:
  Site() {
    write("a", "a.test\n");
    write("b", "b.test\n");
    write("policy.conf", "include more/*.conf\nacl a sender match=domain " + path("a") + "\nacl b sender match=regex " +
                             path("b") + "\naccess a\naccess b\n");
    fs::create_directory(path("more"));
    write("more/one.conf", "acl c size 5\naccess c\n");
    read();
  }

  std::string path(const std::string& name) const { return directory_.path() + '/' + name; }
  void write(const std::string& name, std::string_view text) const {
    const auto fresh = path(name + ".new");
    std::ofstream{fresh} << text;
    fs::rename(fresh, path(name));
  }
  ListUpdate update(ChangedLists changed) {
    auto update = update_lists(*ruleset_.frozen, *table, changed);
    if (update.table) table = update.table;
    return update;
  }
  ListUpdate update(const std::set<std::string>& names) { return update(ChangedLists{.whole = paths(names)}); }
  std::set<std::string> paths(const std::set<std::string>& names) const {
    std::set<std::string> out;
    for (const auto& name : names) out.insert(path(name));
    return out;
  }
  void read(const std::set<std::string>& held = {}) {
    const auto lists = table ? table->lists : std::vector<ValueFilePtr>{};
    ruleset_ = read_ruleset({.policy = path("policy.conf")}, Config{},
                            {.keep_list_texts = false, .lists = lists, .held = paths(held)});
    REQUIRE(ruleset_.table);
    table = ruleset_.table;
  }
  void read_badly() {
    const auto ruleset =
        read_ruleset({.policy = path("policy.conf")}, Config{}, {.keep_list_texts = false, .lists = table->lists});
    REQUIRE_FALSE(ruleset.table);
  }
  ListIndexPtr index_of_a() const { return table->lists.at(0)->index({.way = Way::domain}); }
  bool a_has(std::string_view domain) const {
    IdList found;
    std::get<DomainIndex>(index_of_a()->index).find(domain, found);
    return !found.empty();
  }

  std::shared_ptr<const Table> table;

 private:
  test::TemporaryDirectory directory_;
  Ruleset ruleset_;
};

}  // namespace

TEST_CASE("inside its chroot a path loses that beginning, and no other") {
  const test::TemporaryDirectory directory;
  const auto root = directory.path() + "/root";
  fs::create_directory(root);
  std::ofstream{root + "/main.conf"};
  std::ofstream{root + "2"};
  auto config = default_config();
  config.main.chroot = root + '/';
  config.main.policy_path = root + "/policy.conf";
  const auto inside = inside_chroot({.config = ConfigPlace{root + "/main.conf", {}}}, config);
  CHECK(inside.config->path == "/main.conf");
  CHECK_FALSE(inside.settings);
  CHECK(policy_path(inside, config) == "/policy.conf");
  config.main.policy_path = root + "2";
  CHECK(policy_path(inside, config) == root + "2");
  CHECK(inside_chroot({.config = ConfigPlace{root + "2", {}}}, config).settings == config);
}

// A list whose text was kept for its patterns was once asked for as an index by a reload that failed: the text of the
// version in force was let go of with it.
TEST_CASE("a reload that fails leaves the texts in force as they were") {
  Site site;
  const auto as_domain = "acl b sender match=domain " + site.path("b") + "\naccess b\n";
  site.write("policy.conf", as_domain + "access nobody\n");
  site.read_badly();
  site.write("policy.conf", as_domain);
  site.read();
  IdList found;
  std::get<DomainIndex>(site.table->lists.at(0)->index({.way = Way::domain})->index).find("b.test", found);
  CHECK(found.size() == 1);
}

TEST_CASE("a list that has changed is read again, and nothing else") {
  Site site;
  const auto before = site.table;
  site.write("b", "b2.test\n");
  const auto update = site.update({"a", "b"});
  REQUIRE(update.news.size() == 2);
  CHECK(update.news[0].what == What::unchanged);
  CHECK(update.news[1].what == What::read);
  CHECK(update.news[1].path == site.path("b"));
  CHECK(update.news[1].text == "1 value");
  CHECK(before->lists[0]->index({.way = Way::domain}) == site.index_of_a());
  CHECK(site.table->lists[1]->signature() != before->lists[1]->signature());
  // What has changed without being asked for stays, too.
  site.write("a", "a2.test\n");
  site.write("b", "b3.test\n");
  site.update({"b"});
  CHECK(site.a_has("a.test"));
}

// LANGUAGE: "policy.conf and its includes change on reload alone."
TEST_CASE("a list that changes brings in no news of the policy") {
  Site site;
  site.write("a", "a2.test\n");
  site.write("policy.conf", "access nonsense\n");
  site.write("more/two.conf", "acl d size 6\naccess d\n");
  fs::remove(site.path("more/one.conf"));
  CHECK(site.update({"a"}).table != nullptr);
  CHECK(site.a_has("a2.test"));
  CHECK(site.table->lines.size() == 3);
}

// LANGUAGE: "A list that vanished, became empty or has a mistake keeps its old content, with an error in the log".
TEST_CASE("a list that has changed for the worse stays as it was, with a reason") {
  Site site;
  std::string why;
  SECTION("vanished") {
    fs::remove(site.path("a"));
    why = "No such file or directory";
  }
  SECTION("empty") {
    site.write("a", "");
    why = "it has no values";
  }
  SECTION("nothing but comments") {
    site.write("a", "# a.test\n\n");
    why = "it has no values";
  }
  SECTION("a mistake") {
    site.write("a", "a2.test\nno domain\n");
    why = "line 2: ";
  }
  SECTION("a directory") {
    fs::remove(site.path("a"));
    fs::create_directory(site.path("a"));
    why = "Is a directory";
  }
  site.write("b", "b2.test\n");
  const auto update = site.update({"a", "b"});
  REQUIRE(update.news.size() == 2);
  CHECK(update.news[0].what == What::failed);
  CHECK(update.news[0].path == site.path("a"));
  CHECK(update.news[0].text.find(why) != std::string::npos);
  CHECK(site.a_has("a.test"));
  // It does not hold back a good one.
  CHECK(update.news[1].what == What::read);
  CHECK(update.table != nullptr);
}

TEST_CASE("a list that somebody writes to stays as it was; an error is told when it is empty") {
  Site site;
  site.write("a", "half.test\n");
  site.write("b", "");
  const auto update = site.update(ChangedLists{.unfinished = site.paths({"a", "b"})});
  CHECK(update.table == nullptr);
  REQUIRE(update.news.size() == 1);
  CHECK(update.news[0].path == site.path("b"));
  CHECK(update.news[0].what == What::failed);
}

TEST_CASE("a list that was empty before may stay so") {
  Site site;
  site.write("a", "");
  site.read();
  site.write("a", "# still nothing\n");
  const auto update = site.update({"a"});
  REQUIRE(update.news.size() == 1);
  CHECK(update.news[0].what == What::read);
}

TEST_CASE("a reload reads no list that has not changed, and none that is held") {
  Site site;
  const auto before = site.index_of_a();
  site.read();
  CHECK(site.index_of_a() == before);
  site.write("a", "half.test\n");
  site.read({"a"});
  CHECK(site.index_of_a() == before);
  site.read();
  CHECK(site.a_has("half.test"));
}

}  // namespace policymux
