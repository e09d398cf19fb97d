using System.Security.Cryptography;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Keys that follow from an exchange, by vectors of NIST (CAVS 14.1, SSHKDF) and what openssl(1) derives.</summary>
public sealed class KeyDerivationTests
{
    private const string Secret =
        "0000008100875c551cef526a4a8be1a7df27e9ed354bac9afb71f53dbae905679d14f9faf2469c53457cf80a366be278965ba6255276ca2d9f4a97d271f71e50d8a9ec46253a6a906ac2c5e4f48b27a63ce08d80390a492aa43bad9d882ccac23dac88bcada4b4d426a362083dab6569c54c224dd2d87643aa227693e141ad1630ce13144e";

    private const string ExchangeHash = "0e683fc8a9ed7c2ff02def23b2745ebc99b267daa86a4aa7697239088253f642";

    [Theory]
    [InlineData("SHA256", 'A', "41ff2ead1683f1e6")]
    [InlineData("SHA384", 'A', "8a6008d9df2c872f")]
    [InlineData("SHA256", 'E', "41ec5a94fecce7707ea156a6ad29239a891621adacbedb8be70675008d6f9274")]
    [InlineData("SHA256", 'D', "084c15fb7f99c65ff134eeb407cee5d540c341dea45a42a5a401275198ca2b8dbdcac5656758d6d34ba0fea1e23637af16fd1492018aa47a4d7cfa206eb5ad4a")]
    [InlineData("SHA384", 'D', "26187f6477ed9ee2e768a21fc163cf49b5989e87ce852d8d0ec9fa507a9736098075dbc319d542248373ea2af3d3f11fd0741b81c19a50018936198650f3e94a")]
    [InlineData("SHA512", 'D', "04c25f43b952246225dbd8264397d53bebd40085c5dae6745772defd7b0ab28f3174a8a08cb86cd08f0818f7f314d6a278622aad99e5c91a05a543a186851877")]
    [InlineData(
        "SHA256", 'C',
        "4a6314d2f7511bf88fad39fb6892f3f218cafd530e72fe4348815792cf80e82c6f409f75041e9843855e1d823f7d7b2f20264b234d32725a210d5289d5e6c8bd152329cad219f504a8cb463adf10419c5873d7030fc0c4c004508f2a56020d662ed45b86")]
    [InlineData(
        "SHA384", 'C',
        "269af31651f7daa92c183ae9ca76dfd901dfe1e7f3f2320c26160eda2bf225eb7798f0e90c941b2af6f35349c042fd15bc0868960981d41908962e0d6bfa84d35f3f7d98968a576a4c93096f17b0c7f2c59251b4fbfbe75f373b1bc7c284e76c41a87a4a")]
    [InlineData(
        "SHA512", 'C',
        "53ff4405b013dd29f5f82764a803c0d52d83de5e7efc6a33c2bc7e727d045abc14422566130c05ca524f2f76548d88358fdb3a4487892f24638478c6a5f466495c6e0626f8010c701fde4ae1a10773418122b461acc92d922968edc8a3c47f512d22d652")]
    public void Keys_of_any_length_are_those_that_others_derive(string hash, char letter, string expected)
    {
        var (secret, exchangeHash) = (Convert.FromHexString(Secret), Convert.FromHexString(ExchangeHash));

        // Each shorter key is the beginning of the longer one.
        for (var length = 0; length <= expected.Length / 2; length++)
            Assert.Equal(expected[..(2 * length)], Convert.ToHexStringLower(KeyDerivation.Derive(new HashAlgorithmName(hash), secret, exchangeHash, letter, exchangeHash, length)));
    }

    [Theory]
    [InlineData(KeyDerivation.IvToServer, "7b802a74d216a41f7708c597b9053223")]
    [InlineData(KeyDerivation.IvToClient, "355223971bed70b804d191b64cde39e6")]
    [InlineData(KeyDerivation.KeyToServer, "925f2b036ac2682e20f022377499c3e1")]
    [InlineData(KeyDerivation.KeyToClient, "37ae2bbbb1603c07d5274fc8f57126dc")]
    [InlineData(KeyDerivation.MacKeyToServer, "8b36c7e175797bf7bbb079ac5d06e6f7f62fc5a957e0fefab7df565eb72ae0586dbebad978975aaa35846de667b44b7174315b2b932f0be538fba76b92531019")]
    public void The_session_is_that_of_the_first_exchange(char letter, string expected)
    {
        var secret = Convert.FromHexString(
            "0000010015b3157b538e31a14797d981a6ef62814cd55fbea25ea88a16a5839484c7624d7befccc82d91e2ff2b6f402daba861b77c1016bab9e3d58bab985563f32d663407f9f3582856ee0aa3a56680c221ecddc48af6de71fd34626b716d9efe530df470c0b7b1e4131861bc4f12e44de7f1d1910047465c0eb95f7232d6e71d639d75ac58e6848e560210a5dc2e6996c1d96f9f688fb86558ba96422d1a69cf795ea67e66d534bef2160f4e9d4351c9c2faaad7c2ad2476ace5556c9b3c4c2d3bdac82bfb54d2e54eb6ed398b813c5928aa560b442c585a038571c4db98a44d8c8cdb02fa731b400adb859b591c1846900791d791927363d745042a38597ef883cbda");
        var exchangeHash = Convert.FromHexString("651bdee255eef5fb47c7733df03d4346bc335cf1de2bfbd453f4ff18c775de475719a6ec4c5c55badadda4822e3fbf5ae3c0e6e9608a893fea68bfcc0af86d73");
        var sessionId = Convert.FromHexString("ee603130d0bdec24952cd3392272dbd7a536c2e76c794cc2f678ca9dd789670453e6bcd330dbf4e93930ec0b3e506e4c629b3d156ab1171d247d0ba44217d292");

        Assert.Equal(expected, Convert.ToHexStringLower(KeyDerivation.Derive(HashAlgorithmName.SHA512, secret, exchangeHash, letter, sessionId, expected.Length / 2)));
    }
}
