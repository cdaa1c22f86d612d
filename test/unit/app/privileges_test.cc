#include "app/privileges.h"

#include <unistd.h>

#include "support/catch.h"

using namespace policymux;

namespace {

struct Case {
  std::string text;
  std::optional<std::uint32_t> number;  // nullopt: an error
};

}  // namespace

TEST_CASE("users and groups have names or numbers, and no number wraps") {
  const Case cases[] = {{"root", 0u},
                        {"0", 0u},
                        {"1", 1u},
                        {"4294967294", 4294967294u},
                        {"4294967295", {}},  // (uid_t)-1 changes nothing in chown() and setresuid()
                        {"4294967296", {}},
                        {"4294967297", {}},
                        {"18446744073709551616", {}},
                        {"nosuchname", {}},
                        {"", {}},
                        {"-1", {}}};
  for (const auto& [text, number] : cases) {
    CAPTURE(text);
    const auto user = find_user(text);
    const auto group = find_group(text);
    CHECK((user ? std::optional<std::uint32_t>{*user} : std::nullopt) == number);
    CHECK((group ? std::optional<std::uint32_t>{*group} : std::nullopt) == number);
  }
}

TEST_CASE("\"it serves as root only if `user = root` is written\"") {
  if (::geteuid() != 0) {  // then there is nobody to become
    const auto nobody = identity_to_take({.user = "0"});
    CHECK((nobody && !*nobody));
    return;
  }
  for (const auto* const user : {"0", "00", "4294967296"}) {
    CAPTURE(user);
    CHECK_FALSE(identity_to_take({.user = user}));
  }
  const auto root = identity_to_take({.user = "root"});
  REQUIRE(root);
  CHECK((*root)->uid == 0);
  const auto own = identity_to_take({});
  REQUIRE(own);
  CHECK((*own)->uid != 0);
}
