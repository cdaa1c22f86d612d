// policymux-main.conf(5): its chapter on settings is what the table of settings says, in mdoc.
#include <fmt/core.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "base/text.h"
#include "config/settings.h"
#include "support/catch.h"

using namespace policymux;

namespace {

constexpr std::string_view page_path = POLICYMUX_SOURCE_DIR "/doc/policymux-main.conf.5";
constexpr std::string_view begin_mark = ".\\\" Settings: see test/unit/config/manual_test.cc\n";
constexpr std::string_view end_mark = ".\\\" End of settings\n";

// Whole sentences, each on lines of its own and none longer than 78 columns, as mandoc(1) likes it.
std::string paragraph(std::string_view text) {
  std::string out, line;
  const auto end_line = [&] {
    if (!line.empty()) out += (line.front() == '.' || line.front() == '\'' ? "\\&" : "") + line + '\n';
    line.clear();
  };
  for (const auto word : split_words(text)) {
    if (line.size() + 1 + word.size() > 78) end_line();
    if (!line.empty()) line += ' ';
    line += word;
    if (word.ends_with('.')) end_line();
  }
  end_line();
  return out;
}

// What applies where the setting is not written.
std::string default_of(const Setting& setting) {
  if (setting.required) return "It must be given.";
  Config config;
  const auto index = find_section(setting.section)->open(config, "x");
  if (setting.show(config, index).empty()) return "Not set by default.";
  return fmt::format("Default: {}.", setting.sample);
}

std::string item(const Setting& setting) {
  auto out = fmt::format(".It Ic {} No = Ar {}\n", setting.name, setting.type()) + paragraph(setting.help);
  out += paragraph(default_of(setting));
  if (setting.on_reload == OnReload::sealed) out += "Sealed.\n";
  if (!setting.built_in && find_section(setting.section)->built_in) out += "Not built in yet.\n";
  return out;
}

std::string chapter(const SectionType& type) {
  auto out = fmt::format(".Ss [{}{}]\\&\n", type.name, type.named ? " NAME" : "") + paragraph(type.help);
  if (!type.built_in) out += "Not built in yet: it is checked, but without effect.\n";
  out += ".Bl -tag -width Ds\n";
  for (const auto& setting : settings()) {
    if (setting.section == type.name) out += item(setting);
  }
  return out + ".El\n";
}

std::string chapters() {
  std::string out;
  for (const auto& type : section_types()) out += chapter(type);
  return out;
}

}  // namespace

TEST_CASE("the manual page tells every setting as the table does") {
  std::ifstream file{std::string{page_path}};
  const std::string page{std::istreambuf_iterator<char>{file}, {}};
  const auto begin = page.find(begin_mark), end = page.find(end_mark);
  REQUIRE(begin != page.npos);
  REQUIRE(end != page.npos);
  const auto at = begin + begin_mark.size();
  if (page.substr(at, end - at) == chapters()) return;
  if (const char* path = std::getenv("POLICYMUX_WRITE_MANUAL")) {
    std::ofstream{path} << page.substr(0, at) << chapters() << page.substr(end);
  }
  FAIL("doc/policymux-main.conf.5 is out of date: run this test with POLICYMUX_WRITE_MANUAL=doc/policymux-main.conf.5");
}
