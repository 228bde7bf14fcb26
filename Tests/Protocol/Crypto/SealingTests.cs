using Mesh.Protocol.Crypto;

namespace Mesh.Tests.Protocol.Crypto;

public sealed class SealingTests
{
    // Test case 16 of the GCM specification (McGrew and Viega), which NIST SP 800-38D took over.
    [Fact]
    public void Aes256Gcm_published_vector()
    {
        var key = Convert.FromHexString("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        var nonce = Convert.FromHexString("cafebabefacedbaddecaf888");
        var plaintext = Convert.FromHexString(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
        var associated = Convert.FromHexString("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        var box = new byte[plaintext.Length + Aes256Gcm.TagSize];
        Aes256Gcm.Seal(key, nonce, plaintext, box, associated);
        Assert.Equal(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
            + "76fc6ece0f4e1768cddf8853bb2d551b", Convert.ToHexStringLower(box));

        var opened = new byte[plaintext.Length];
        Assert.True(Aes256Gcm.TryOpen(key, nonce, box, opened, associated));
        Assert.Equal(plaintext, opened);
        for (var i = 0; i < box.Length; i++)
        {
            box[i] ^= 1;
            Assert.False(Aes256Gcm.TryOpen(key, nonce, box, opened, associated));
            Assert.All(opened, octet => Assert.Equal(0, octet));
            box[i] ^= 1;
        }
        Assert.False(Aes256Gcm.TryOpen(key, nonce, box, opened, associated.AsSpan(1)));
    }

    // RFC 5869 appendix A.1.
    [Fact]
    public void Hkdf_published_vector()
    {
        var key = new byte[42];
        KeyDerivation.Hkdf(Enumerable.Repeat((byte)0x0b, 22).ToArray(), Convert.FromHexString("000102030405060708090a0b0c"),
            Convert.FromHexString("f0f1f2f3f4f5f6f7f8f9"), key);
        Assert.Equal("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865", Convert.ToHexStringLower(key));
    }

    // RFC 7914 section 11.
    [Fact]
    public void Pbkdf2Sha256_published_vector()
    {
        var key = new byte[64];
        KeyDerivation.Pbkdf2Sha256("passwd"u8, "salt"u8, 1, key);
        Assert.Equal(
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
            Convert.ToHexStringLower(key));
    }
}
