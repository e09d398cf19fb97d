using System.Text;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

public sealed class BcryptPbkdfTests
{
    // regress/lib/libutil/bcrypt_pbkdf of OpenBSD.
    [Theory]
    [InlineData("password", "salt", 4, "5bbf0cc293587f1c3635555c27796598d47e579071bf427e9d8fbe842aba34d9")]
    [InlineData("password", "\0", 4, "c12b566235eee04c212598970a579a67")]
    [InlineData("\0", "salt", 4, "6051be18c2f4f82cbf0efee5471b4bb9")]
    [InlineData("password\0", "salt\0", 4, "7410e44cf4fa07bfaac8a928b1727fac001375e7bf7384370f48efd121743050")]
    [InlineData("pass\0wor", "sa\0l", 4, "c2bffd9db38f6569efef4372f4de83c0")]
    [InlineData("pass\0word", "sa\0lt", 4, "4ba4ac3925c0e8d7f0cdb6bb1684a56f")]
    [InlineData("password", "salt", 8, "e1367ec5151a33faac4cc1c144cd23fa15d5548493ecc99b9b5d9c0d3b27bec76227ea66088b849b20ab7aa478010246e74bba51723fefa9f9474d6508845e8d")]
    [InlineData("password", "salt", 42, "833cf0dcf56db65608e8f0dc0ce882bd")]
    public void It_derives_what_OpenBSD_does(string passphrase, string salt, int rounds, string expected)
    {
        var key = new byte[expected.Length / 2];
        BcryptPbkdf.Derive(Encoding.UTF8.GetBytes(passphrase), Encoding.UTF8.GetBytes(salt), rounds, key);

        Assert.Equal(expected, Convert.ToHexStringLower(key));
    }

    [Fact]
    public void The_state_begins_as_the_digits_of_pi()
    {
        var state = new uint[Blowfish.Words];
        new Blowfish(state).Reset();

        Assert.Equal([0x243F6A88u, 0x85A308D3u, 0x13198A2Eu, 0x03707344u], state[..4]);
        Assert.Equal([0xB74E6132u, 0xCE77E25Bu, 0x578FDFE3u, 0x3AC372E6u], state[^4..]);
    }

    // Eric Young's vectors, which Schneier publishes with the cipher: key, block, and the block encrypted.
    [Theory]
    [InlineData("0000000000000000", 0x00000000u, 0x00000000u, 0x4EF99745u, 0x6198DD78u)]
    [InlineData("ffffffffffffffff", 0xFFFFFFFFu, 0xFFFFFFFFu, 0x51866FD5u, 0xB85ECB8Au)]
    [InlineData("3000000000000000", 0x10000000u, 0x00000001u, 0x7D856F9Au, 0x613063F2u)]
    [InlineData("0123456789abcdef", 0x11111111u, 0x11111111u, 0x61F9C380u, 0x2281B096u)]
    [InlineData("fedcba9876543210", 0x01234567u, 0x89ABCDEFu, 0x0ACEAB0Fu, 0xC6A0A28Du)]
    public void Blowfish_encrypts_its_published_vectors(string key, uint left, uint right, uint expectedLeft, uint expectedRight)
    {
        var blowfish = new Blowfish(new uint[Blowfish.Words]);
        blowfish.Reset();
        blowfish.Expand(Convert.FromHexString(key), []);

        blowfish.Encrypt(ref left, ref right);

        Assert.Equal((expectedLeft, expectedRight), (left, right));
    }

    [Fact]
    public void What_is_no_question_has_no_answer()
    {
        var key = new byte[16];
        Assert.Throws<ArgumentOutOfRangeException>(() => BcryptPbkdf.Derive([], "salt"u8, 1, key));
        Assert.Throws<ArgumentOutOfRangeException>(() => BcryptPbkdf.Derive("a"u8, [], 1, key));
        Assert.Throws<ArgumentOutOfRangeException>(() => BcryptPbkdf.Derive("a"u8, "salt"u8, 0, key));
        Assert.Throws<ArgumentOutOfRangeException>(() => BcryptPbkdf.Derive("a"u8, "salt"u8, 1, new byte[1025]));
    }
}
