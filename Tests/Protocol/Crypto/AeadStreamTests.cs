using System.Buffers.Binary;
using Mesh.Protocol.Crypto;

namespace Mesh.Tests.Protocol.Crypto;

public sealed class AeadStreamTests
{
    static readonly byte[] _key = Enumerable.Range(0x80, 32).Select(i => (byte)i).ToArray();

    [Fact]
    public void Chacha20_poly1305_has_the_counter_little_endian_at_every_length() =>
        Compare(CipherSuite.ChaCha20Poly1305, "000000000807060504030201", static (nonce, plaintext, expected) =>
            Aead.Seal(CipherSuite.ChaCha20Poly1305, _key, nonce, plaintext, default, expected));

    [Fact]
    public void Aes_256_gcm_has_the_counter_big_endian_at_every_length() =>
        Compare(CipherSuite.Aes256Gcm, "000000000102030405060708", static (nonce, plaintext, expected) =>
            Aes256Gcm.Seal(_key, nonce, plaintext, expected, default));

    // Test cases 13 and 14 of the GCM specification that NIST SP 800-38D refers to (McGrew and Viega, appendix B): the two with 32 zero
    // bits at the head of the nonce.
    [Theory]
    [InlineData("", "530f8afbc74536b9a963b4f1c4cb738b")]
    [InlineData("00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")]
    public void Aes_256_gcm_gives_the_published_vectors(string plaintext, string sealedPacket)
    {
        using var sealing = AeadStream.ForSealing(CipherSuite.Aes256Gcm, new byte[32]);
        var packet = new byte[(plaintext.Length / 2) + 16];
        Convert.FromHexString(plaintext).CopyTo(packet, 0);
        Assert.True(sealing.TrySeal(0, packet));
        Assert.Equal(sealedPacket, Convert.ToHexStringLower(packet));
    }

    [Theory]
    [InlineData(CipherSuite.ChaCha20Poly1305, 2048)]
    [InlineData(CipherSuite.ChaCha20Poly1305, 2049)]
    [InlineData(CipherSuite.Aes256Gcm, 1420)]
    public void A_lease_outlives_the_stream_and_no_new_one_is_valid(CipherSuite suite, int length)
    {
        var packet = new byte[length + 16];
        var stream = AeadStream.ForSealing(suite, _key);
        using var lease = stream.Rent();
        Assert.True(lease.TrySeal(0, packet.AsSpan(0, 100)));
        stream.Dispose();
        // What needs the key once more cannot be had from a stream that has zeroed it.
        Assert.Equal(length <= 2048, lease.TrySeal(1, packet));
        Assert.Equal(length <= 2048, lease.TrySeal(2, packet));
        using var late = stream.Rent();
        Assert.False(late.IsValid);
        Assert.False(late.TrySeal(3, packet));
        Assert.False(stream.TrySeal(3, packet));
    }

    // Whatever way a machine has to this cipher, it must give the same, also after a wrong tag.
    [Fact]
    public void Aes_256_gcm_is_the_same_in_every_way_to_it()
    {
        Assert.Equal(GcmMethod.Initialisations, GcmMethods.Working[0]);
        Assert.All(GcmMethods.Working, CompareWithRuntime);
    }

    // Installed on a processor that has the instructions, the library must not be left unused without a word.
    [Fact]
    public void The_vector_library_is_used_where_there_is_one_and_the_processor_can()
    {
        var flags = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("flags", StringComparison.Ordinal))?.Split(' ') ?? [];
        var can = new[] { "vaes", "vpclmulqdq", "avx512f", "avx512dq", "avx512bw", "avx512vl" }.All(flags.Contains);
        var installed = System.Runtime.InteropServices.NativeLibrary.TryLoad("libIPSec_MB.so.1", out _);
        Assert.Equal(can && installed, GcmMethods.Best == GcmMethod.IpsecMb);
    }

    static unsafe void CompareWithRuntime(GcmMethod method)
    {
        fixed (byte* key = _key)
        {
            var sealing = AeadContext.Create(CipherSuite.Aes256Gcm, seals: true, key, method);
            var opening = AeadContext.Create(CipherSuite.Aes256Gcm, seals: false, key, method);
            try
            {
                Random random = new(1);
                foreach (var length in (int[])[0, 1, 15, 16, 17, 64, 1404, 1420, 1424, 2049, 9000])
                {
                    var counter = (ulong)random.NextInt64();
                    var nonce = new byte[12];
                    BinaryPrimitives.WriteUInt64BigEndian(nonce.AsSpan(4), counter);
                    var plaintext = new byte[length];
                    random.NextBytes(plaintext);
                    var expected = new byte[length + 16];
                    Aes256Gcm.Seal(_key, nonce, plaintext, expected, default);
                    var packet = new byte[length + 16];
                    plaintext.CopyTo(packet, 0);
                    fixed (byte* data = packet)
                    {
                        sealing->Seal(counter, data, length);
                        Assert.Equal(expected, packet);
                        data[length] ^= 1;
                        Assert.False(opening->TryOpen(counter, data, length));
                        expected.CopyTo(packet, 0);
                        Assert.True(opening->TryOpen(counter, data, length));
                        Assert.Equal(plaintext, packet[..length]);
                        expected.CopyTo(packet, 0);
                        Assert.False(opening->TryOpen(counter + 1, data, length));
                    }
                }
            }
            finally
            {
                AeadContext.Free(sealing);
                AeadContext.Free(opening);
            }
        }
    }

    [Fact]
    public void One_suite_does_not_open_the_other()
    {
        using var sealing = AeadStream.ForSealing(CipherSuite.Aes256Gcm, _key);
        using var opening = AeadStream.ForOpening(CipherSuite.ChaCha20Poly1305, _key);
        var packet = new byte[116];
        Assert.True(sealing.TrySeal(0, packet));
        Assert.False(opening.TryOpen(0, packet));
    }

    [Fact]
    public void Suites_have_names_that_are_fixed()
    {
        Assert.Equal("chacha20-poly1305", CipherSuite.ChaCha20Poly1305.Name());
        Assert.Equal("aes-256-gcm", CipherSuite.Aes256Gcm.Name());
        Assert.True(CipherSuites.TryParseAnnounced("aes-256-gcm", out var suite));
        Assert.Equal(CipherSuite.Aes256Gcm, suite);
        Assert.False(CipherSuites.TryParseAnnounced("chacha20-poly1305", out _));
        Assert.False(CipherSuites.TryParseAnnounced("AES-256-GCM", out _));
        Assert.False(CipherSuites.TryParseAnnounced(null, out _));
    }

    static void Compare(CipherSuite suite, string nonceOfCounter, Action<byte[], byte[], byte[]> seal)
    {
        using var sealing = AeadStream.ForSealing(suite, _key);
        using var opening = AeadStream.ForOpening(suite, _key);
        const ulong counter = 0x0102030405060708;
        var nonce = Convert.FromHexString(nonceOfCounter);
        foreach (var length in Enumerable.Range(0, 700).Concat(Enumerable.Range(1300, 250)).Concat(Enumerable.Range(1960, 180)).Append(65000))
        {
            var packet = new byte[length + 16];
            new Random(length).NextBytes(packet.AsSpan(0, length));
            var plaintext = packet[..length];
            var expected = new byte[length + 16];
            seal(nonce, plaintext, expected);

            Assert.True(sealing.TrySeal(counter, packet));
            Assert.Equal(expected, packet);
            Assert.False(opening.TryOpen(counter + 1, packet.ToArray()));
            var changed = packet.ToArray();
            changed[length % 7 * length / 7] ^= 0x10;
            Assert.False(opening.TryOpen(counter, changed));
            changed = packet.ToArray();
            changed[^(1 + (length % 16))] ^= 0x01;
            Assert.False(opening.TryOpen(counter, changed));
            Assert.True(opening.TryOpen(counter, packet));
            Assert.Equal(plaintext, packet[..length]);
        }
        Assert.False(opening.TryOpen(0, new byte[15]));
        sealing.Dispose();
        Assert.False(sealing.TrySeal(0, new byte[32]));
    }
}
