using System.Collections.Immutable;
using Arm = System.Runtime.Intrinsics.Arm;
using X86 = System.Runtime.Intrinsics.X86;

namespace Mesh.Protocol.Crypto;

/// <summary>Tells which ciphers this processor has instructions for. Constant for the life of the process.</summary>
public static class CipherHardware
{
    /// <summary>Gets whether AES rounds and carry-less multiplication, which AES-256-GCM is made of, are instructions.</summary>
    public static bool HasAes { get; } =
        (X86.Aes.IsSupported && X86.Pclmulqdq.IsSupported) || (Arm.Aes.IsSupported && Arm.AdvSimd.IsSupported);

    /// <summary>Gets the suites, beside the plain one, that are worth announcing on this machine.</summary>
    public static ImmutableArray<CipherSuite> Suites { get; } = HasAes ? [CipherSuite.Aes256Gcm] : [];

    /// <summary>Gets the name of the library that does AES-256-GCM for packets here.</summary>
    public static string AesLibrary => GcmMethods.Best == GcmMethod.IpsecMb ? "libIPSec_MB" : "libcrypto";

    /// <summary>Gets the names of the instruction sets found that ciphers gain from.</summary>
    public static ImmutableArray<string> Features { get; } =
    [
        .. new (string Name, bool Found)[]
        {
            ("aes", X86.Aes.IsSupported || Arm.Aes.IsSupported),
            ("pclmulqdq", X86.Pclmulqdq.IsSupported),
            ("avx2", X86.Avx2.IsSupported),
            ("avx512f", X86.Avx512F.IsSupported),
            ("avx512vbmi", X86.Avx512Vbmi.IsSupported),
            ("neon", Arm.AdvSimd.IsSupported),
        }.Where(feature => feature.Found).Select(feature => feature.Name),
    ];
}
