using System.Security.Cryptography;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Signatures of Ed25519, by the vectors of RFC 8032.</summary>
public sealed class Ed25519Tests
{
    /// <summary>RFC 8032 section 7.1: tests 1, 2, 3, and SHA(abc): seed, public key, message, signature.</summary>
    public static TheoryData<string, string, string, string> Vectors => new()
    {
        {
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        },
        {
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        },
        {
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        },
        {
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42", "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        },
    };

    [Theory]
    [MemberData(nameof(Vectors))]
    public void The_vectors_of_the_RFC_are_signed_and_verified(string seed, string publicKey, string message, string signature)
    {
        var data = Convert.FromHexString(message);

        Assert.Equal(publicKey, Convert.ToHexStringLower(Ed25519.PublicKeyOf(Convert.FromHexString(seed))));
        Assert.Equal(signature, Convert.ToHexStringLower(Ed25519.Sign(Convert.FromHexString(seed), data)));
        Assert.True(Ed25519.Verify(Convert.FromHexString(publicKey), data, Convert.FromHexString(signature)));
    }

    [Fact]
    public void What_a_new_key_signs_is_verified_by_it_and_by_no_other()
    {
        var (seed, other) = (Ed25519.Generate(), Ed25519.Generate());
        var data = RandomNumberGenerator.GetBytes(1000);
        var signature = Ed25519.Sign(seed, data);

        Assert.True(Ed25519.Verify(Ed25519.PublicKeyOf(seed), data, signature));
        Assert.False(Ed25519.Verify(Ed25519.PublicKeyOf(other), data, signature));
    }

    [Fact]
    public void A_bit_that_was_changed_in_the_signature_or_the_data_is_noticed()
    {
        var seed = Ed25519.Generate();
        var key = Ed25519.PublicKeyOf(seed);
        var data = "what is signed"u8.ToArray();
        var signature = Ed25519.Sign(seed, data);

        for (var bit = 0; bit < signature.Length * 8; bit++)
        {
            signature[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(Ed25519.Verify(key, data, signature));
            signature[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        for (var bit = 0; bit < data.Length * 8; bit++)
        {
            data[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(Ed25519.Verify(key, data, signature));
            data[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        Assert.True(Ed25519.Verify(key, data, signature));
    }

    [Fact]
    public void A_signature_with_the_order_of_the_group_added_to_it_is_refused()
    {
        // RFC 8032 section 5.1.7: otherwise anybody could make a second signature out of one. The order, little-endian.
        var order = Convert.FromHexString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
        var seed = Ed25519.Generate();
        var signature = Ed25519.Sign(seed, "data"u8);
        var carry = 0;
        for (var i = 0; i < order.Length; i++)
        {
            carry += signature[32 + i] + order[i];
            signature[32 + i] = (byte)carry;
            carry >>= 8;
        }

        Assert.False(Ed25519.Verify(Ed25519.PublicKeyOf(seed), "data"u8, signature));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(64)]
    public void A_key_of_another_length_is_none(int length)
    {
        var signature = new byte[64];

        Assert.False(Ed25519.Verify(new byte[length], "data"u8, signature));
        Assert.Throws<CryptographicException>(() => Ed25519.Sign(new byte[length], "data"u8));
        Assert.Throws<CryptographicException>(() => Ed25519.PublicKeyOf(new byte[length]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(63)]
    [InlineData(65)]
    public void A_signature_of_another_length_is_none(int length) => Assert.False(Ed25519.Verify(Ed25519.PublicKeyOf(new byte[32]), "data"u8, new byte[length]));

    [Fact]
    public void A_public_key_that_is_no_point_verifies_nothing() =>
        // y = 2 is on no point of the curve.
        Assert.False(Ed25519.Verify([2, .. new byte[31]], "data"u8, new byte[64]));

    [Fact]
    public void An_error_of_libcrypto_is_told_in_its_words()
    {
        var error = Assert.Throws<CryptographicException>(() => Ed25519.PublicKeyOf(new byte[31]));

        Assert.StartsWith("EVP_PKEY_new_raw_private_key failed: error:", error.Message, StringComparison.Ordinal);
    }
}
