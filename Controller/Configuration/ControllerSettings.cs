using System.Globalization;
using System.Net;
using Mesh.Actors.Registry;
using Mesh.Controller.Journal;
using Mesh.Protocol.Enrollment;
using Microsoft.Extensions.Logging;

namespace Mesh.Controller.Configuration;

/// <summary>
/// Is everything that can be set on a controller. A flag wins over the environment (<c>MESH_CONTROLLER_*</c>), that over the
/// configuration file, that over the default. Immutable.
/// </summary>
sealed record ControllerSettings
{
    /// <summary>The default configuration file; it need not exist.</summary>
    public const string DefaultConfigPath = "/etc/mesh/controller.hocon";

    /// <summary>The port of the API.</summary>
    public const int DefaultPort = 8443;

    /// <summary>Gets the directory of keys and journal.</summary>
    public string StateDirectory { get; init; } = "/var/lib/mesh-controller";

    /// <summary>Gets the PostgreSQL database of the journal, by its URI; null keeps the journal in the state directory.</summary>
    public PostgresPlace? Database { get; init; }

    /// <summary>Gets the path of the admin socket.</summary>
    public string Socket { get; init; } = "/run/mesh-controller/admin.sock";

    /// <summary>Gets where the API listens.</summary>
    public IReadOnlyList<IPEndPoint> Listen { get; init; } =
        [new IPEndPoint(System.Net.Sockets.Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, DefaultPort)];

    /// <summary>Gets where nodes are told to find this controller (<c>host:port</c>, at most three); empty: its own addresses.</summary>
    public IReadOnlyList<string> Advertise { get; init; } = [];

    /// <summary>Gets where the other controllers find this one (<c>host:port</c>); null: where nodes do.</summary>
    public string? InternalAddress { get; init; }

    /// <summary>Gets the file whose first line encrypts the network root key; null leaves that key unencrypted.</summary>
    public string? RootPassphraseFile { get; init; }

    /// <summary>Gets the least severe level that is logged.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>Gets the zone of a new network's names.</summary>
    public string Zone { get; init; } = "mesh.internal";

    /// <summary>Gets the IPv4 range of a new network.</summary>
    public string Ipv4 { get; init; } = "100.64.0.0/10";

    /// <summary>Gets the IPv6 range of a new network; null draws a random ULA /48.</summary>
    public string? Ipv6 { get; init; }

    /// <summary>Gets how long a node may act on a map without renewal.</summary>
    public TimeSpan MapValidFor { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Gets how long after signing a map is taken in.</summary>
    public TimeSpan MapAcceptFor { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Gets how often attached nodes get their map renewed.</summary>
    public TimeSpan MapRenewalInterval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Gets how long a credential lasts where its creator does not say.</summary>
    public TimeSpan CredentialLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Gets how long after joining a user's machine must join again; null: it need not.</summary>
    public TimeSpan? NodeExpiry { get; init; }

    /// <summary>Gets how long an ephemeral node may be away before it is deleted.</summary>
    public TimeSpan EphemeralTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Gets how long what has ended is kept before its events lose their content; null: for ever.</summary>
    public TimeSpan? AuditRetention { get; init; }

    /// <summary>Gets the configuration file, for what it says to the actor engine.</summary>
    public Config Actors { get; init; } = Config.Empty;

    /// <summary>Reads all sources; every error is one line that names the source.</summary>
    /// <exception cref="CommandException">A value cannot be used (64 for a flag, 78 for the rest).</exception>
    public static ControllerSettings Resolve(SettingFlags flags, Func<string, string?> environment)
    {
        var config = ReadConfig(flags.Config ?? NotEmpty(environment("MESH_CONTROLLER_CONFIG")));
        var source = new Source(flags, environment, config);
        var defaults = new ControllerSettings();
        return new ControllerSettings
        {
            StateDirectory = source.Text("state-dir", flags.StateDirectory, defaults.StateDirectory),
            Database = ParseDatabase(source, source.Text("database", flags.Database, null)),
            Socket = source.Text("socket", flags.Socket, defaults.Socket),
            Listen = source.List("listen", flags.Listen, ParseListen) ?? defaults.Listen,
            Advertise = source.List("advertise", flags.Advertise, ParseAdvertise) ?? defaults.Advertise,
            InternalAddress = source.Text("internal-address", null, null) is { } address
                ? ParseAdvertise(address) ?? throw source.Wrong("internal-address", address, Expected("internal-address"))
                : null,
            RootPassphraseFile = source.Text("root-passphrase-file", flags.RootPassphraseFile, null),
            LogLevel = ParseLogLevel(source, source.Text("log-level", flags.LogLevel, "information")),
            Zone = source.Text("zone", null, defaults.Zone),
            Ipv4 = source.Text("ipv4", null, defaults.Ipv4),
            Ipv6 = source.Text("ipv6", null, null),
            MapValidFor = source.Span("map-valid-for", defaults.MapValidFor),
            MapAcceptFor = source.Span("map-accept-for", defaults.MapAcceptFor),
            MapRenewalInterval = source.Span("map-renewal-interval", defaults.MapRenewalInterval),
            CredentialLifetime = source.Span("credential-lifetime", defaults.CredentialLifetime),
            NodeExpiry = source.Has("node-expiry") ? source.Span("node-expiry", TimeSpan.MaxValue) : null,
            EphemeralTimeout = source.Span("ephemeral-timeout", defaults.EphemeralTimeout),
            AuditRetention = source.Has("audit-retention") ? Retention(source) : null,
            Actors = config,
        };
    }

    /// <summary>Reads <c>a.b.c.d:port</c>, <c>[v6]:port</c>, or one of them without a port.</summary>
    public static IPEndPoint? ParseListen(string text)
    {
        if (IPAddress.TryParse(text.Trim('[', ']'), out var bare) && !(text.StartsWith('[') ^ text.EndsWith(']')))
            return new IPEndPoint(bare, DefaultPort);
        return IPEndPoint.TryParse(text, out var endpoint) && (text.StartsWith('[') || text.Count(c => c == ':') == 1) && endpoint.Port != 0
            ? endpoint
            : null;
    }

    /// <summary>Says what <see cref="ParseListen"/> and <see cref="ParseAdvertise"/> expect.</summary>
    static string Expected(string key) => key switch
    {
        "listen" => "an address such as 0.0.0.0:8443 or [::]:8443 is expected",
        _ => "host:port is expected",
    };

    static string? ParseAdvertise(string text) => CredentialString.IsControllerAddress(text) ? text : null;

    // Never with the text that was given: whoever writes a password into it should not find it in a log as well.
    static PostgresPlace? ParseDatabase(Source source, string? uri)
    {
        try
        {
            return uri is null ? null : PostgresPlace.Parse(uri);
        }
        catch (JournalPlaceException e)
        {
            throw source.Wrong("database", null, e.Reason);
        }
    }

    static LogLevel ParseLogLevel(Source source, string text) => text.ToLowerInvariant() switch
    {
        "trace" => LogLevel.Trace,
        "debug" => LogLevel.Debug,
        "information" or "info" => LogLevel.Information,
        "warning" or "warn" => LogLevel.Warning,
        "error" => LogLevel.Error,
        _ => throw source.Wrong("log-level", text, "trace, debug, information, warning or error is expected"),
    };

    static Config ReadConfig(string? path)
    {
        var named = path is not null;
        path ??= DefaultConfigPath;
        try
        {
            if (!named && !File.Exists(path))
                return Config.Empty;
            var config = ConfigurationFactory.ParseString(File.ReadAllText(path));
            config.RefuseUnknown([.. Source.Keys.Select(key => Source.Prefix + key), "akka.*"]);
            return config;
        }
        catch (ConfigurationException e)
        {
            throw new CommandException(ExitCode.BadConfiguration, $"{path}: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.BadConfiguration, $"cannot read the configuration {path}: {e.Message}", e);
        }
    }

    static TimeSpan Retention(Source source)
    {
        var retention = source.Span("audit-retention", TimeSpan.MaxValue);
        return retention >= NetworkState.ShortestRetention
            ? retention
            : throw source.Wrong("audit-retention", $"{retention.TotalDays:0.#} days", $"at least {NetworkState.ShortestRetention.TotalDays:0} days are expected");
    }

    static string? NotEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    sealed class Source(SettingFlags flags, Func<string, string?> environment, Config config)
    {
        public const string Prefix = "mesh.controller.";

        public static readonly string[] Keys =
        [
            "state-dir", "database", "socket", "listen", "advertise", "internal-address", "root-passphrase-file", "log-level", "zone", "ipv4", "ipv6", "map-valid-for",
            "map-accept-for", "map-renewal-interval", "credential-lifetime", "node-expiry", "ephemeral-timeout", "audit-retention",
        ];

        [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(@default))]
        public string? Text(string key, string? flag, string? @default)
        {
            var text = flag ?? Environment(key) ?? Read(key, config.GetString);
            if (text is { Length: 0 })
                throw Wrong(key, text, "it must not be empty");
            return text ?? @default;
        }

        public IReadOnlyList<T>? List<T>(string key, IReadOnlyList<string> flag, Func<string, T?> parse) where T : class
        {
            IEnumerable<string>? texts = flag.Count > 0 ? flag : Environment(key)?.Split(',', StringSplitOptions.TrimEntries);
            texts ??= config.HasPath(Prefix + key) ? ReadList(key) : null;
            return texts?.Select(text => parse(text) ?? throw Wrong(key, text, Expected(key))).ToArray();
        }

        /// <summary>Tells whether anybody says anything about a key.</summary>
        public bool Has(string key) => Environment(key) is not null || config.HasPath(Prefix + key);

        public TimeSpan Span(string key, TimeSpan @default)
        {
            // What a file says is read with HOCON's units; the environment speaks the same language.
            var text = Environment(key);
            var from = text is null
                ? config
                : ConfigurationFactory.ParseString($"{Prefix}{key} = \"{text.Replace("\"", "", StringComparison.Ordinal)}\"");
            try
            {
                var span = from.GetTimeSpan(Prefix + key, @default, allowInfinite: false);
                return span > TimeSpan.Zero ? span : throw Wrong(key, span.ToString(), "it must be more than zero");
            }
            catch (ConfigurationException e)
            {
                throw new CommandException(ExitCode.BadConfiguration, $"{Origin(key)}: {e.Message}", e);
            }
        }

        /// <summary>Refuses a value; null for one that is not to be shown.</summary>
        public CommandException Wrong(string key, string? text, string expected)
        {
            var value = text is null ? "" : $" '{text}'";
            return FlagIsSet(key)
                ? new CommandException(ExitCode.Usage, $"--{key}{value}: {expected}")
                : new CommandException(ExitCode.BadConfiguration, $"{Origin(key)}{value}: {expected}");
        }

        static string Variable(string key) => "MESH_CONTROLLER_" + key.ToUpper(CultureInfo.InvariantCulture).Replace('-', '_');

        string? Environment(string key) => NotEmpty(environment(Variable(key)));

        string Origin(string key) => Environment(key) is not null ? Variable(key) : Prefix + key;

        bool FlagIsSet(string key) => key switch
        {
            "state-dir" => flags.StateDirectory is not null,
            "database" => flags.Database is not null,
            "socket" => flags.Socket is not null,
            "listen" => flags.Listen.Count > 0,
            "advertise" => flags.Advertise.Count > 0,
            "root-passphrase-file" => flags.RootPassphraseFile is not null,
            "log-level" => flags.LogLevel is not null,
            _ => false,
        };

        static string? Read(string key, Func<string, string?, string?> get)
        {
            try
            {
                return get(Prefix + key, null);
            }
            catch (ConfigurationException e)
            {
                throw new CommandException(ExitCode.BadConfiguration, e.Message, e);
            }
        }

        IList<string> ReadList(string key)
        {
            try
            {
                return config.GetStringList(Prefix + key);
            }
            catch (ConfigurationException e)
            {
                throw new CommandException(ExitCode.BadConfiguration, e.Message, e);
            }
        }
    }
}

/// <summary>Is what the command line says about settings; null and empty: nothing.</summary>
sealed record SettingFlags
{
    /// <summary>Gets <c>--config</c>.</summary>
    public string? Config { get; init; }

    /// <summary>Gets <c>--state-dir</c>.</summary>
    public string? StateDirectory { get; init; }

    /// <summary>Gets <c>--database</c>.</summary>
    public string? Database { get; init; }

    /// <summary>Gets <c>--socket</c>.</summary>
    public string? Socket { get; init; }

    /// <summary>Gets every <c>--listen</c>.</summary>
    public IReadOnlyList<string> Listen { get; init; } = [];

    /// <summary>Gets every <c>--advertise</c>.</summary>
    public IReadOnlyList<string> Advertise { get; init; } = [];

    /// <summary>Gets <c>--root-passphrase-file</c>.</summary>
    public string? RootPassphraseFile { get; init; }

    /// <summary>Gets <c>--log-level</c>.</summary>
    public string? LogLevel { get; init; }
}
