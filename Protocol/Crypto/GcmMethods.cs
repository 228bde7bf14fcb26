using System.Security.Cryptography;

namespace Mesh.Protocol.Crypto;

/// <summary>Names a way to AES-256-GCM.</summary>
enum GcmMethod
{
    /// <summary>libcrypto, told each nonce by an initialisation: what every provider knows.</summary>
    Initialisations,

    /// <summary>libcrypto, told each nonce by a parameter: a third of the cost around the cipher.</summary>
    Parameters,

    /// <summary>libIPSec_MB, with vector instructions that libcrypto may not have.</summary>
    IpsecMb,
}

/// <summary>Knows the ways to AES-256-GCM that this machine has. Constant for the life of the process.</summary>
static unsafe class GcmMethods
{
    /// <summary>Gets those that work here, the slowest first. Each of them was seen to give what the first gives.</summary>
    public static IReadOnlyList<GcmMethod> Working { get; } =
    [
        GcmMethod.Initialisations,
        // TLS needs the parameter, so every provider should have it; one that does not, or means something else by it, gets initialisations.
        .. Works(GcmMethod.Parameters) ? [GcmMethod.Parameters] : Array.Empty<GcmMethod>(),
        .. IpsecMb.HasGcm && Works(GcmMethod.IpsecMb) ? [GcmMethod.IpsecMb] : Array.Empty<GcmMethod>(),
    ];

    /// <summary>Gets the fastest.</summary>
    public static GcmMethod Best { get; } = Working[^1];

    // Whether packets come out as by the plain way, are opened again, and not with another tag. The second packet of a length shows that the
    // first left nothing behind.
    static bool Works(GcmMethod method)
    {
        const int tagSize = 16;
        ReadOnlySpan<int> lengths = [0, 1, 64, 64, 300, 1424, 1424];
        var key = stackalloc byte[32];
        var packet = stackalloc byte[1424 + tagSize];
        var expected = stackalloc byte[1424 + tagSize];
        new Span<byte>(key, 32).Fill(0x6b);
        AeadContext* sealing = null, opening = null, plain = null;
        try
        {
            sealing = AeadContext.Create(CipherSuite.Aes256Gcm, seals: true, key, method);
            opening = AeadContext.Create(CipherSuite.Aes256Gcm, seals: false, key, method);
            plain = AeadContext.Create(CipherSuite.Aes256Gcm, seals: true, key, GcmMethod.Initialisations);
            var counter = ulong.MaxValue;
            foreach (var length in lengths)
            {
                Span<byte> content = new(packet, length), whole = new(packet, length + tagSize), wanted = new(expected, length + tagSize);
                whole.Fill((byte)length);
                wanted.Fill((byte)length);
                sealing->Seal(counter, packet, length);
                plain->Seal(counter, expected, length);
                if (!whole.SequenceEqual(wanted))
                    return false;
                packet[length + tagSize - 1] ^= 1;
                if (opening->TryOpen(counter, packet, length))
                    return false;
                wanted.CopyTo(whole);
                if (!opening->TryOpen(counter, packet, length) || content.ContainsAnyExcept((byte)length))
                    return false;
                counter--;
            }

            return true;
        }
        catch (CryptographicException)
        {
            LibCrypto.ERR_clear_error();
            return false;
        }
        finally
        {
            Free(sealing);
            Free(opening);
            Free(plain);
        }
    }

    static void Free(AeadContext* context)
    {
        if (context != null)
            AeadContext.Free(context);
    }
}
