using System.Text;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Tests.Protocol.Crypto;

/// <summary>Holds the primitives to the vectors of their specifications.</summary>
public sealed class PublishedVectorTests
{
    const string Sunscreen =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";

    static byte[] Hex(string text) => Convert.FromHexString(text);

    [Fact]
    public void X25519_of_RFC_7748_section_5_2()
    {
        Assert.Equal("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
            Multiply(Hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
                Hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")));
        var k = new byte[32];
        k[0] = 9;
        var u = k;
        for (var i = 0; i < 1000; i++)
        {
            var product = Hex(Multiply(k, u));
            (k, u) = (product, k);
            if (i == 0)
                Assert.Equal("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079", Convert.ToHexStringLower(k));
        }
        Assert.Equal("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51", Convert.ToHexStringLower(k));
    }

    [Fact]
    public void X25519_public_keys_are_multiples_of_nine()
    {
        using var key = new TunnelPrivateKey(Hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"));
        var nine = new byte[32];
        nine[0] = 9;
        using var x = new X25519(key);
        var secret = new byte[32];
        Assert.True(x.TryDeriveSharedSecret(new TunnelPublicKey(nine), secret));
        Assert.Equal(new TunnelPublicKey(secret), x.PublicKey);
    }

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")]
    [InlineData("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")]
    public void X25519_refuses_points_of_small_order(string point)
    {
        using var key = new TunnelPrivateKey(Enumerable.Range(1, 32).Select(i => (byte)i).ToArray());
        using var x = new X25519(key);
        var secret = new byte[32];
        Assert.False(x.TryDeriveSharedSecret(new TunnelPublicKey(Hex(point)), secret));
        Assert.All(secret, octet => Assert.Equal(0, octet));
    }

    [Theory]
    [InlineData("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    public void Ed25519_of_RFC_8032_section_7_1(string seed, string publicKey, string message, string signature)
    {
        using var key = new SigningPrivateKey(Hex(seed));
        var signed = new byte[Ed25519.SignatureSize];
        Ed25519.Sign(key, Hex(message), signed);
        Assert.Equal(signature, Convert.ToHexStringLower(signed));
        Assert.Equal(publicKey, Convert.ToHexStringLower(Ed25519.ComputePublicKey(key).Value.Span));
        Assert.True(Ed25519.Verify(new SigningPublicKey(Hex(publicKey)), Hex(message), signed));
        for (var i = 0; i < 64; i += 7)
        {
            signed[i] ^= 4;
            Assert.False(Ed25519.Verify(new SigningPublicKey(Hex(publicKey)), Hex(message), signed));
            signed[i] ^= 4;
        }
        Assert.False(Ed25519.Verify(new SigningPublicKey(Hex(publicKey)), Hex(message + "00"), signed));
        Assert.False(Ed25519.Verify(new SigningPublicKey(Hex(publicKey)), Hex(message), signed.AsSpan(1)));
    }

    [Fact]
    public void ChaCha20Poly1305_of_RFC_8439_section_2_8_2()
    {
        var output = new byte[Sunscreen.Length + 16];
        Aead.Seal(CipherSuite.ChaCha20Poly1305, Key(0x80), Hex("070000004041424344454647"), Encoding.ASCII.GetBytes(Sunscreen), Hex("50515253c0c1c2c3c4c5c6c7"),
            output);
        Assert.Equal(
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692"
            + "ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116"
            + "1ae10b594f09e26a7e902ecbd0600691", Convert.ToHexStringLower(output));

        var plaintext = new byte[Sunscreen.Length];
        Assert.True(Aead.TryOpen(CipherSuite.ChaCha20Poly1305, Key(0x80), Hex("070000004041424344454647"), output, Hex("50515253c0c1c2c3c4c5c6c7"), plaintext));
        Assert.Equal(Sunscreen, Encoding.ASCII.GetString(plaintext));
        for (var i = 0; i < output.Length; i++)
        {
            output[i] ^= 1;
            Assert.False(Aead.TryOpen(CipherSuite.ChaCha20Poly1305, Key(0x80), Hex("070000004041424344454647"), output, Hex("50515253c0c1c2c3c4c5c6c7"),
                plaintext));
            Assert.All(plaintext, octet => Assert.Equal(0, octet));
            output[i] ^= 1;
        }
    }

    [Fact]
    public void HChaCha20_of_the_draft_section_2_2_1()
    {
        var subkey = new byte[32];
        XChaCha20Poly1305.HChaCha20(Key(0), Hex("000000090000004a0000000031415927"), subkey);
        Assert.Equal("82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc", Convert.ToHexStringLower(subkey));
    }

    [Fact]
    public void XChaCha20Poly1305_of_the_draft_appendix_A_3_1()
    {
        var output = new byte[Sunscreen.Length + 16];
        var nonce = Hex("404142434445464748494a4b4c4d4e4f5051525354555657");
        XChaCha20Poly1305.Seal(Key(0x80), nonce, Encoding.ASCII.GetBytes(Sunscreen), Hex("50515253c0c1c2c3c4c5c6c7"), output);
        Assert.Equal(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f"
            + "8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52e"
            + "c0875924c1c7987947deafd8780acf49", Convert.ToHexStringLower(output));
        var plaintext = new byte[Sunscreen.Length];
        Assert.True(XChaCha20Poly1305.TryOpen(Key(0x80), nonce, output, Hex("50515253c0c1c2c3c4c5c6c7"), plaintext));
        Assert.Equal(Sunscreen, Encoding.ASCII.GetString(plaintext));
        output[0] ^= 1;
        Assert.False(XChaCha20Poly1305.TryOpen(Key(0x80), nonce, output, Hex("50515253c0c1c2c3c4c5c6c7"), plaintext));
    }

    [Fact]
    public void Blake2s_of_RFC_7693_appendix_B()
    {
        var digest = new byte[32];
        Blake2s.Hash(digest, "abc"u8);
        Assert.Equal("508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982", Convert.ToHexStringLower(digest));
        Blake2s.Hash(digest, "a"u8, "bc"u8);
        Assert.Equal("508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982", Convert.ToHexStringLower(digest));
    }

    [Fact]
    public void Blake2s_self_test_of_RFC_7693_appendix_E()
    {
        var all = new Blake2s(32);
        foreach (var size in new[] { 16, 20, 28, 32 })
        {
            foreach (var length in new[] { 0, 3, 64, 65, 255, 1024 })
            {
                var input = Sequence(length);
                var digest = new byte[size];
                Blake2s.Mac(digest, default, input);
                all.Update(digest);
                Blake2s.Mac(digest, Sequence(size), input);
                all.Update(digest);
            }
        }
        var result = new byte[32];
        all.Finish(result);
        Assert.Equal("6a411f08ce25adcdfb02aba641451cec53c598b24f4fc787fbdc88797f4c1dfe", Convert.ToHexStringLower(result));
    }

    static byte[] Key(int first) => Enumerable.Range(first, 32).Select(i => (byte)i).ToArray();

    static string Multiply(byte[] scalar, byte[] point)
    {
        using var key = new TunnelPrivateKey(scalar);
        using var x = new X25519(key);
        var product = new byte[32];
        Assert.True(x.TryDeriveSharedSecret(new TunnelPublicKey(point), product));
        return Convert.ToHexStringLower(product);
    }

    static byte[] Sequence(int length)
    {
        var bytes = new byte[length];
        uint a = unchecked(0xdead4bad * (uint)length), b = 1;
        for (var i = 0; i < length; i++)
        {
            var t = unchecked(a + b);
            a = b;
            b = t;
            bytes[i] = (byte)(t >> 24);
        }
        return bytes;
    }
}
