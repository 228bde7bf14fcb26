using System.Collections.Immutable;
using System.Globalization;
using Mesh.Actors.Device;
using Mesh.Node.Runtime;
using Mesh.Protocol.Crypto;

namespace Mesh.Node.Configuration;

/// <summary>Is what a daemon is told: flags before environment before configuration file before defaults. Immutable.</summary>
sealed record DaemonSettings
{
    /// <summary>The configuration file that is read where there is one.</summary>
    public const string DefaultConfig = "/etc/mesh/mesh.hocon";

    /// <summary>The daemon's socket.</summary>
    public const string DefaultSocket = "/run/mesh/mesh.sock";

    /// <summary>The least MTU: IPv6 needs it (RFC 8200 section 5).</summary>
    public const int MinimumMtu = 1280;

    /// <summary>Queues of the interface, at most.</summary>
    public const int MaximumQueues = 16;

    const int InterfaceNameSize = 15;

    /// <summary>Gets the directory of keys, membership and map.</summary>
    public string StateDirectory { get; init; } = "/var/lib/mesh";

    /// <summary>Gets the path of the local API's socket.</summary>
    public string Socket { get; init; } = DefaultSocket;

    /// <summary>Gets the mode of that socket: who may read the status. Only root and the daemon's user may change things.</summary>
    public UnixFileMode SocketMode { get; init; } =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    /// <summary>Gets the name of the network interface, at most 15 characters.</summary>
    public string Interface { get; init; } = "mesh0";

    /// <summary>Gets what carries the packets.</summary>
    public BackendKind Backend { get; init; }

    /// <summary>Gets the UDP port; 0 lets the system choose.</summary>
    public int Port { get; init; } = 51820;

    /// <summary>Gets the hosts file that peers are named in; null: none.</summary>
    public string? HostsFile { get; init; } = "/etc/hosts";

    /// <summary>Gets the MTU of the interface, in bytes.</summary>
    public int Mtu { get; init; } = 1420;

    /// <summary>Gets the suites that are announced beside plain WireGuard: by default those that the processor has instructions for.</summary>
    public ImmutableArray<CipherSuite> Suites { get; init; } = CipherHardware.Suites;

    /// <summary>Gets the number of packet threads, each with a queue of the interface; 0: one for every two processors.</summary>
    public int Queues { get; init; }

    /// <summary>Gets the offloads that are not to be used.</summary>
    public OffloadFeatures Disabled { get; init; }

    /// <summary>Gets how old the tunnel key becomes before the node changes it by itself; null: any age.</summary>
    public TimeSpan? KeyRotation { get; init; }

    /// <summary>Gets where the random wrapping key lies.</summary>
    public string KeyDirectory { get; init; } = "/etc/mesh/keys";

    /// <summary>Gets a file with the passphrase that protects the private keys; null: none.</summary>
    public string? PassphraseFile { get; init; }

    /// <summary>Gets where the service manager puts credentials; null: it gives none.</summary>
    public string? CredentialsDirectory { get; init; }

    /// <summary>Gets the configuration file's <c>mesh</c> section, for the static peers in it.</summary>
    public Config File { get; init; } = ConfigurationFactory.Empty;

    /// <summary>Puts one setting in, as text.</summary>
    /// <param name="key">One of <see cref="Keys"/>.</param>
    /// <param name="value">Its value.</param>
    /// <exception cref="FormatException">The value will not do; the message says what would.</exception>
    public DaemonSettings With(string key, string value) => key switch
    {
        "state-dir" => this with { StateDirectory = Filled(value) },
        "socket" => this with { Socket = Filled(value) },
        "socket-mode" => this with { SocketMode = ParseMode(value) },
        "interface" => this with { Interface = ParseInterface(value) },
        "backend" => this with { Backend = ParseBackend(value) },
        "port" => this with { Port = ParseNumber(value, 0, 65535, "a UDP port is 0 to 65535") },
        "hosts-file" => this with { HostsFile = value is "none" or "off" ? null : Filled(value) },
        "mtu" => this with { Mtu = ParseNumber(value, MinimumMtu, 65535 - 80, $"an MTU is {MinimumMtu} to {65535 - 80}") },
        "suites" => this with { Suites = ParseSuites(value) },
        "queues" => this with { Queues = ParseNumber(value, 0, MaximumQueues, $"queues are 1 to {MaximumQueues}, or 0 for one for every two processors") },
        "disable" => this with { Disabled = ParseOffloads(value) },
        "key-rotation" => this with { KeyRotation = ParseRotation(value) },
        "key-dir" => this with { KeyDirectory = Filled(value) },
        "passphrase-file" => this with { PassphraseFile = Filled(value) },
        _ => throw new ArgumentOutOfRangeException(nameof(key), key, "not a setting"),
    };

    /// <summary>Gets the settings that flags, environment (<c>MESH_STATE_DIR</c>) and file (<c>mesh.state-dir</c>) all know.</summary>
    public static IReadOnlyList<DaemonSetting> Keys { get; } =
    [
        new("state-dir", "PATH", "Directory of keys, membership and map (default /var/lib/mesh)"),
        new("socket", "PATH", $"Socket of the local API (default {DefaultSocket})"),
        new("socket-mode", "MODE", "Who may read the status: the socket's mode (default 0660)"),
        new("interface", "NAME", "Network interface (default mesh0)"),
        new("backend", "KIND", "What carries the packets: managed (this program) or uapi (a WireGuard that runs already, with its interface; default managed)"),
        new("port", "PORT", "UDP port, 0 for any (default 51820)"),
        new("hosts-file", "PATH", "File to name peers in, or none (default /etc/hosts)"),
        new("mtu", "BYTES", "MTU of the interface (default 1420)"),
        new("suites", "LIST", "Cipher suites to announce beside plain WireGuard: aes-256-gcm, none, or auto by processor (default auto)") { MayBeList = true },
        new("queues", "NUMBER", "Packet threads, each with a queue of the interface (default 0: one for every two processors)"),
        new("disable", "OFFLOAD,...", $"Offloads not to use: {OffloadNames.Known} (default none)"),
        new("key-rotation", "TIME", "Change the WireGuard key by itself when it is that old: 12h, 30d, or off (default off)"),
        new("key-dir", "PATH", "Where the key that protects the private keys lies (default /etc/mesh/keys)"),
        new("passphrase-file", "PATH", "File with a passphrase that protects the private keys instead"),
    ];

    static string Filled(string value) => value.Length > 0 ? value : throw new FormatException("it is empty");

    static int ParseNumber(string value, int least, int greatest, string rule) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= greatest
            ? number
            : throw new FormatException(rule);

    static BackendKind ParseBackend(string value) => value switch
    {
        "managed" => BackendKind.Managed,
        "uapi" => BackendKind.Uapi,
        _ => throw new FormatException("a backend is managed or uapi"),
    };

    static ImmutableArray<CipherSuite> ParseSuites(string value)
    {
        if (value == "auto")
            return CipherHardware.Suites;
        if (value is "none" or "")
            return [];
        return [.. value.Split(',', StringSplitOptions.TrimEntries).Distinct(StringComparer.Ordinal).Select(name => CipherSuites.TryParseAnnounced(name, out var suite)
            ? suite
            : throw new FormatException($"suites are auto, none or {CipherSuites.Aes256Gcm}"))];
    }

    static OffloadFeatures ParseOffloads(string value) => OffloadNames.TryParse(value, out var features, out var unknown)
        ? features
        : throw new FormatException($"'{unknown}' is no offload: choose from {OffloadNames.Known}, or none");

    // Any shorter, and a key would be changed before every peer has heard of the last one.
    static TimeSpan? ParseRotation(string value)
    {
        if (value is "off" or "none")
            return null;
        var unit = value.Length == 0 ? ' ' : value[^1];
        var seconds = unit switch { 'm' => 60, 'h' => 3600, 'd' => 86_400, _ => 0 };
        return seconds > 0 && int.TryParse(value.AsSpan(0, value.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && (long)number * seconds is >= 60 and <= 3650L * 86_400
            ? TimeSpan.FromSeconds((long)number * seconds)
            : throw new FormatException("it is off, or a time from 1m to 3650d, such as 12h or 30d");
    }

    static string ParseInterface(string value) =>
        value.Length is > 0 and <= InterfaceNameSize && value is not ("." or "..") && !value.AsSpan().ContainsAny("/ :%\t")
            ? value
            : throw new FormatException($"an interface name has 1 to {InterfaceNameSize} characters without '/', ':' or blanks");

    static UnixFileMode ParseMode(string value)
    {
        var mode = 0;
        foreach (var digit in value)
            mode = digit is >= '0' and <= '7' && mode <= 0x1FF ? mode * 8 + (digit - '0') : int.MaxValue / 16;
        return value.Length is 3 or 4 && mode <= 0x1FF ? (UnixFileMode)mode : throw new FormatException("a mode is octal, such as 0660");
    }
}

/// <summary>Describes one setting.</summary>
/// <param name="Key">Its name: <c>--KEY</c>, <c>MESH_KEY</c>, <c>mesh.KEY</c>.</param>
/// <param name="Value">What its value is called in help.</param>
/// <param name="Description">What it does.</param>
sealed record DaemonSetting(string Key, string Value, string Description)
{
    /// <summary>Gets whether the file may say it as a list; the text is then its elements with commas between.</summary>
    public bool MayBeList { get; init; }

    /// <summary>Gets the environment variable.</summary>
    public string Variable => "MESH_" + Key.ToUpperInvariant().Replace('-', '_');
}
