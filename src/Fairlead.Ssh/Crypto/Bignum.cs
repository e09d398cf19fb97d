using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Ssh;

/// <summary>A <c>BIGNUM</c>. libcrypto wipes it when it is disposed of.</summary>
internal sealed unsafe class Bignum : SafeHandleZeroOrMinusOneIsInvalid
{
    private Bignum(nint number) : base(ownsHandle: true) => SetHandle(number);

    /// <summary>The prime of RFC 3526 section 3, of 2048 bits.</summary>
    public static Bignum Prime2048() => new(Libcrypto.NotNull(Libcrypto.BN_get_rfc3526_prime_2048(0), nameof(Libcrypto.BN_get_rfc3526_prime_2048)));

    /// <summary>The prime of RFC 3526 section 5, of 4096 bits.</summary>
    public static Bignum Prime4096() => new(Libcrypto.NotNull(Libcrypto.BN_get_rfc3526_prime_4096(0), nameof(Libcrypto.BN_get_rfc3526_prime_4096)));

    /// <summary>A number from its big-endian bytes.</summary>
    public static Bignum From(ReadOnlySpan<byte> magnitude)
    {
        fixed (byte* bytes = magnitude)
            return new Bignum(Libcrypto.NotNull(Libcrypto.BN_bin2bn(bytes, magnitude.Length, 0), nameof(Libcrypto.BN_bin2bn)));
    }

    /// <summary>A power, in a time that does not depend on the exponent's bits.</summary>
    /// <param name="number">Less than the modulus.</param>
    /// <param name="exponent">The exponent.</param>
    /// <param name="modulus">An odd number.</param>
    public static Bignum ModPow(Bignum number, Bignum exponent, Bignum modulus)
    {
        var power = new Bignum(Libcrypto.NotNull(Libcrypto.BN_new(), nameof(Libcrypto.BN_new)));
        var context = Libcrypto.NotNull(Libcrypto.BN_CTX_new(), nameof(Libcrypto.BN_CTX_new));
        try
        {
            Libcrypto.Check(Libcrypto.BN_mod_exp_mont_consttime(power, number, exponent, modulus, context, 0), nameof(Libcrypto.BN_mod_exp_mont_consttime));
            return power;
        }
        catch (CryptographicException)
        {
            power.Dispose();
            throw;
        }
        finally
        {
            Libcrypto.BN_CTX_free(context);
        }
    }

    /// <summary>Writes it, big-endian, with leading zeros.</summary>
    /// <param name="magnitude">Filled.</param>
    public void Write(Span<byte> magnitude)
    {
        fixed (byte* bytes = magnitude)
        {
            if (Libcrypto.BN_bn2binpad(this, bytes, magnitude.Length) < 0)
                throw new ArgumentException("a number is longer than the place for it", nameof(magnitude));
        }
    }

    protected override bool ReleaseHandle()
    {
        Libcrypto.BN_clear_free(handle);
        return true;
    }
}
