using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Noise;

namespace Mesh.Tests.Protocol.Noise;

public sealed class IkPsk2Tests
{
    static byte[] Hex(string text) => Convert.FromHexString(text);

    public static TheoryData<CipherSuite, string, string, string[]> Published => new()
    {
        {
            CipherSuite.ChaCha20Poly1305,
            "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944001e21de9f98ddd8e2ad57527207feb56253c9c94a9e496782ecfcb2a75fbcaf"
            + "1b52948cc48daefe660c62119ab5000980c84831215f2441eba616548e832985464cf17e51ee93109008399a21f7e13f",
            "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843cb765f2caef0751b8f007572dab0322217755c0632f365717edbf34d33e87a",
            [
                "8153ca9833bc3c1b91a7e66e5f4d4f5b59bf9e64c2f20d15f0bba7", "07af0c9c86e1b4e80f36b04ff7688d51141af3debd0332f0a705ef",
                "6ab1467c0448cc78394494abaaf23afce0e234315d6e2624dcbfa8a21c1c4d073d",
                "dfc346c0d2296ae6cf1acf6f12b8456a1dba228cf8d8b774aacf1c47fc53aa80ebc7a4c292",
            ]
        },
        {
            CipherSuite.Aes256Gcm,
            "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944f70d65fedfd7ad294f4c8f5c1324c7c90e54cd8af05652112a27b261e11ce99d"
            + "9d517c4a1e0753038edb26066b4087b4c230aafa22b0552550b723eb69374a674d306a84e1852e30af2e2dbefeb4fd2f",
            "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088434190dae84b6887641a5f81e03d83f7be91fa1134c18dde966e18fc404b97a8",
            [
                "061b631b380a639a0801920ddf205e2dbf6606c3328683c6af50fc", "c4b5ecd181f80279f2cc41217d490ed56459e3e3fb5e758e522d0d",
                "43897c593df3b427776e11c3632bb935fd7e31e50a4069c8b559188a04af961e12",
                "b7f9229e7ba4b89161baca67cef00381ce7b613bdcb8dcf233573476f6164dde9a8b1b9200",
            ]
        },
    };

    /// <summary>The vectors that the Noise implementations of the cacophony family publish for these patterns.</summary>
    [Theory]
    [MemberData(nameof(Published))]
    public void Published_vector(CipherSuite suite, string initiation, string response, string[] transport)
    {
        var prologue = Hex("4a6f686e2047616c74");
        var psk = Hex("54686973206973206d7920417573747269616e20706572737065637469766521");
        using var initiatorStatic = Key("e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1");
        using var responderStatic = Key("4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893");
        using var initiatorEphemeral = new TunnelPrivateKey(Hex("893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a"));
        using var responderEphemeral = new TunnelPrivateKey(Hex("bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b"));
        Assert.Equal(new TunnelPublicKey(Hex("31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62")), responderStatic.PublicKey);

        using var initiator = new IkPsk2Initiator(suite, initiatorStatic, initiatorEphemeral, responderStatic.PublicKey, prologue);
        var first = new byte[IkPsk2.InitiationOverhead + 16];
        Assert.True(initiator.TryWriteInitiation(Hex("4c756477696720766f6e204d69736573"), first));
        Assert.Equal(initiation, Convert.ToHexStringLower(first));

        var payload = new byte[16];
        Assert.True(IkPsk2Responder.TryRead(suite, responderStatic, first, prologue, key => key == initiatorStatic.PublicKey, payload, out var responder,
            out _));
        Assert.Equal("4c756477696720766f6e204d69736573", Convert.ToHexStringLower(payload));
        Assert.Equal(initiatorStatic.PublicKey, responder.Initiator);

        var second = new byte[IkPsk2.ResponseOverhead + 15];
        byte[] responderSends = new byte[32], responderReceives = new byte[32];
        Assert.True(responder.TryWriteResponse(responderEphemeral, psk, Hex("4d757272617920526f746862617264"), second, responderSends,
            responderReceives));
        Assert.Equal(response, Convert.ToHexStringLower(second));

        byte[] initiatorSends = new byte[32], initiatorReceives = new byte[32];
        var answer = new byte[15];
        var forged = second.ToArray();
        forged[^1] ^= 1;
        Assert.False(initiator.TryReadResponse(forged, psk, answer, initiatorSends, initiatorReceives));
        Assert.False(initiator.TryReadResponse(second, IkPsk2.NoPresharedKey, answer, initiatorSends, initiatorReceives));
        Assert.True(initiator.TryReadResponse(second, psk, answer, initiatorSends, initiatorReceives));
        Assert.Equal("4d757272617920526f746862617264", Convert.ToHexStringLower(answer));
        Assert.Equal(initiatorSends, responderReceives);
        Assert.Equal(initiatorReceives, responderSends);

        Assert.Equal(transport[0], Transport(suite, initiatorSends, 0, "462e20412e20486179656b"));
        Assert.Equal(transport[1], Transport(suite, responderSends, 0, "4361726c204d656e676572"));
        Assert.Equal(transport[2], Transport(suite, initiatorSends, 1, "4a65616e2d426170746973746520536179"));
        Assert.Equal(transport[3], Transport(suite, responderSends, 1, "457567656e2042f6686d20766f6e2042617765726b"));
    }

    [Fact]
    public void One_suite_does_not_read_the_other()
    {
        using var alice = Key(new string('1', 64));
        using var bob = Key(new string('2', 64));
        using var ephemeral = new TunnelPrivateKey(Hex(new string('3', 64)));
        var message = new byte[IkPsk2.InitiationOverhead];
        foreach (var (one, other) in new[] { (CipherSuite.Aes256Gcm, CipherSuite.ChaCha20Poly1305), (CipherSuite.ChaCha20Poly1305, CipherSuite.Aes256Gcm) })
        {
            using var initiator = new IkPsk2Initiator(one, alice, ephemeral, bob.PublicKey, default);
            Assert.True(initiator.TryWriteInitiation(default, message));
            Assert.False(IkPsk2Responder.TryRead(other, bob, message, default, _ => true, default, out _, out _));
            Assert.True(IkPsk2Responder.TryRead(one, bob, message, default, _ => true, default, out var responder, out _));
            responder.Dispose();
        }
    }

    [Fact]
    public void Every_changed_byte_of_the_first_message_is_noticed()
    {
        using var alice = Key(new string('1', 64));
        using var bob = Key(new string('2', 64));
        using var ephemeral = new TunnelPrivateKey(Hex(new string('3', 64)));
        using var initiator = new IkPsk2Initiator(CipherSuite.ChaCha20Poly1305, alice, ephemeral, bob.PublicKey, "p"u8);
        var message = new byte[IkPsk2.InitiationOverhead + 12];
        Assert.True(initiator.TryWriteInitiation(new byte[12], message));
        var payload = new byte[12];
        for (var i = 0; i < message.Length; i++)
        {
            message[i] ^= 16;
            Assert.False(IkPsk2Responder.TryRead(CipherSuite.ChaCha20Poly1305, bob, message, "p"u8, _ => true, payload, out _, out _), $"byte {i}");
            message[i] ^= 16;
        }
        Assert.False(IkPsk2Responder.TryRead(CipherSuite.ChaCha20Poly1305, bob, message, "q"u8, _ => true, payload, out _, out _));
        Assert.False(IkPsk2Responder.TryRead(CipherSuite.ChaCha20Poly1305, bob, message, "p"u8, _ => false, payload, out _, out var unknown));
        Assert.True(unknown);
        Assert.False(IkPsk2Responder.TryRead(CipherSuite.ChaCha20Poly1305, bob, message.AsSpan(1), "p"u8, _ => true, payload, out _, out _));
        Assert.True(IkPsk2Responder.TryRead(CipherSuite.ChaCha20Poly1305, bob, message, "p"u8, _ => true, payload, out var responder, out _));
        responder.Dispose();
    }

    static X25519 Key(string hex)
    {
        using var key = new TunnelPrivateKey(Hex(hex));
        return new X25519(key);
    }

    static string Transport(CipherSuite suite, byte[] key, ulong counter, string payload)
    {
        using var stream = AeadStream.ForSealing(suite, key);
        var packet = new byte[(payload.Length / 2) + 16];
        Hex(payload).CopyTo(packet, 0);
        Assert.True(stream.TrySeal(counter, packet));
        return Convert.ToHexStringLower(packet);
    }
}
