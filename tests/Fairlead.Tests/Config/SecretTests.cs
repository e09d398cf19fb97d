namespace Fairlead.Tests;

public sealed class SecretTests
{
    [Fact]
    public void A_secret_is_never_printed()
    {
        var secret = new Secret("open sesame");
        Assert.Equal("***", secret.ToString());
        Assert.DoesNotContain("sesame", new AdminConfig { Token = secret }.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("sesame", new Configuration { Admin = new AdminConfig { Token = secret } }.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void It_matches_its_own_text_alone()
    {
        var secret = new Secret("open sesame");
        Assert.True(secret.Matches("open sesame"));
        Assert.False(secret.Matches("open sesam"));
        Assert.False(secret.Matches(""));
        Assert.Equal(secret, new Secret("open sesame"));
        Assert.NotEqual(secret, new Secret("open"));
    }
}
