namespace Mesh.Protocol.Tunnel;

/// <summary>Fixes what every implementation of the protocol shares: a change here ends interoperation. Source: WireGuard paper, section
/// 6.1 unless said.</summary>
public static class TunnelSpecification
{
    /// <summary>The Noise protocol name that starts every transcript (section 5.4).</summary>
    public static ReadOnlySpan<byte> Construction => Noise.IkPsk2.Name(Crypto.CipherSuite.ChaCha20Poly1305);

    /// <summary>The prologue of every transcript (section 5.4).</summary>
    public static ReadOnlySpan<byte> Identifier => "WireGuard v1 zx2c4 Jason@zx2c4.com"u8;

    /// <summary>The label under which a receiver's public key becomes its mac1 key (section 5.4).</summary>
    public static ReadOnlySpan<byte> LabelMac1 => "mac1----"u8;

    /// <summary>The label under which a receiver's public key becomes its cookie encryption key (section 5.4).</summary>
    public static ReadOnlySpan<byte> LabelCookie => "cookie--"u8;

    /// <summary>The number of messages after which a new handshake starts: 2^60.</summary>
    public const ulong RekeyAfterMessages = 1UL << 60;

    /// <summary>The number of messages after which keys are refused: 2^64 - 2^13 - 1.</summary>
    public const ulong RejectAfterMessages = ulong.MaxValue - (1UL << 13);

    /// <summary>The age after which the initiator starts a new handshake when it sends.</summary>
    public static readonly TimeSpan RekeyAfterTime = TimeSpan.FromSeconds(120);

    /// <summary>The age from which keys are refused.</summary>
    public static readonly TimeSpan RejectAfterTime = TimeSpan.FromSeconds(180);

    /// <summary>The time for which unanswered initiations are repeated.</summary>
    public static readonly TimeSpan RekeyAttemptTime = TimeSpan.FromSeconds(90);

    /// <summary>The time between two initiations.</summary>
    public static readonly TimeSpan RekeyTimeout = TimeSpan.FromSeconds(5);

    /// <summary>The upper bound of the random time added to each <see cref="RekeyTimeout"/>: a third of a second and a little (section
    /// 6.1 and the reference implementations).</summary>
    public static readonly TimeSpan RekeyTimeoutJitter = TimeSpan.FromMilliseconds(334);

    /// <summary>The silence after received data that is broken by an empty message.</summary>
    public static readonly TimeSpan KeepaliveTimeout = TimeSpan.FromSeconds(10);

    /// <summary>The age from which data received by the initiator starts a new handshake: reject - keepalive - rekey timeout (section
    /// 6.2).</summary>
    public static readonly TimeSpan RekeyOnReceiveAfterTime = RejectAfterTime - KeepaliveTimeout - RekeyTimeout;

    /// <summary>The silence after sent data that starts a new handshake: keepalive + rekey timeout (section 6.5).</summary>
    public static readonly TimeSpan DeadPeerTimeout = KeepaliveTimeout + RekeyTimeout;

    /// <summary>The time without a new session after which everything is zeroed: three times reject (section 6.3).</summary>
    public static readonly TimeSpan ZeroKeysAfterTime = RejectAfterTime * 3;

    /// <summary>The life of a cookie and of the secret that makes cookies (section 5.4.7).</summary>
    public static readonly TimeSpan CookieLifetime = TimeSpan.FromSeconds(120);

    /// <summary>The multiple to which plaintext is padded (section 5.4.6).</summary>
    public const int PaddingMultiple = 16;
}

/// <summary>Holds what an implementation may choose for itself.</summary>
public static class TunnelTuning
{
    /// <summary>The counters behind the newest that are still accepted; 8192 bits less one word, as RFC 6479 and other implementations
    /// have it.</summary>
    public const int ReplayWindow = 8128;

    /// <summary>The shortest time between two initiations that are taken from one peer: 50 a second, as other implementations have
    /// it.</summary>
    public static readonly TimeSpan InitiationInterval = TimeSpan.FromMilliseconds(20);

    /// <summary>The time before a cookie's end from which it is no longer used: the answer would come too late.</summary>
    public static readonly TimeSpan CookieLatency = TimeSpan.FromSeconds(5);

    /// <summary>The initiations a second that one source may cause under load, as other implementations have it.</summary>
    public const int SourceRate = 20;

    /// <summary>The initiations that one source may cause at once under load.</summary>
    public const int SourceBurst = 5;

    /// <summary>The number of buckets of the per-source limiter: 64 KiB of memory, whatever arrives.</summary>
    public const int SourceBuckets = 8192;

    /// <summary>The handshakes waiting for the worker from which the device is under load; a worker does about 10,000 a second.</summary>
    public const int LoadBacklog = 128;

    /// <summary>The unanswered AES-256-GCM initiations of an attempt after which plain ones are sent.</summary>
    public const int SuiteAttempts = 2;

    /// <summary>The time for which only plain initiations are sent to a peer that answered one after it had ignored others.</summary>
    public static readonly TimeSpan SuiteFallbackTime = TimeSpan.FromMinutes(10);

    /// <summary>The time for which the device stays under load after the backlog was last that long.</summary>
    public static readonly TimeSpan LoadHold = TimeSpan.FromSeconds(1);

    /// <summary>The messages that are sealed at once, at most: what one segmented send carries.</summary>
    public const int LongestRun = 128;

    /// <summary>The packets held per peer while a handshake runs.</summary>
    public const int StagedPackets = 128;

    /// <summary>The grid to which timestamps of initiations are cut, so that they tell little of this machine's clock.</summary>
    public static readonly TimeSpan TimestampGrid = TimeSpan.FromMilliseconds(16);
}
