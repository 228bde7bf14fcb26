using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Mesh.Actors.Configuration;
using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Actors.Sessions;
using Mesh.Controller.Admin;
using Mesh.Controller.Api;
using Mesh.Controller.Audit;
using Mesh.Controller.Backup;
using Mesh.Controller.Cluster;
using Mesh.Controller.Configuration;
using Mesh.Controller.Enrollment;
using Mesh.Controller.Journal;
using Mesh.Controller.Keys;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Time;
using Microsoft.Extensions.Logging;

namespace Mesh.Controller.Hosting;

/// <summary>
/// Is a running controller: opens state in the order in which it can be trusted (lock, journal, keys), starts the actors, then lets
/// nodes and admins in. What fails on the way is undone in reverse and told in one line.
/// </summary>
sealed class ControllerDaemon : IAsyncDisposable
{
    readonly ControllerSettings _settings;
    readonly IClock _machineClock;
    readonly ILogger _log;
    // Ends in reverse: what was started last uses what was started before.
    readonly Stack<Func<ValueTask>> _ends = [];
    IClock _clock;
    WallTime _startedAt;
    StateDirectory _state = null!;
    JournalDatabase _journal = null!;
    ControllerKeys _keys = null!;
    ClusterMembership _cluster = null!;
    ControllerSystem _system = null!;
    ApiServer _api = null!;
    OwnDelegation _delegation = null!;

    ControllerDaemon(ControllerSettings settings, IClock clock, ILoggerFactory logging)
    {
        _settings = settings;
        _machineClock = _clock = clock;
        _log = logging.CreateLogger("Mesh.Controller");
        _startedAt = clock.Now;
    }

    /// <summary>Gets whether this start made the network.</summary>
    public bool IsFirstStart { get; private set; }

    /// <summary>Gets where nodes are told to find this controller.</summary>
    public IReadOnlyList<string> Advertise { get; private set; } = [];

    /// <summary>Gets where the API listens.</summary>
    public IReadOnlyList<IPEndPoint> Listening => _api.Listening;

    /// <summary>Gets what ends this controller although nobody told it to: another process has its place, or it was withdrawn.</summary>
    public Task<CommandException> Ended { get; private set; } = null!;

    /// <summary>Gets the state directory.</summary>
    public StateDirectory State => _state;

    /// <summary>Starts a controller.</summary>
    /// <exception cref="CommandException">It cannot start; the message says why in one line.</exception>
    public static async Task<ControllerDaemon> StartAsync(
        ControllerSettings settings, IClock clock, ILoggerFactory logging, CancellationToken cancellationToken)
    {
        var daemon = new ControllerDaemon(settings, clock, logging);
        try
        {
            await daemon.StartAsync(logging, cancellationToken);
            return daemon;
        }
        catch
        {
            await daemon.DisposeAsync();
            throw;
        }
    }

    /// <summary>Tells every node that the controller stops, then ends everything in reverse order.</summary>
    public async ValueTask DisposeAsync()
    {
        while (_ends.TryPop(out var end))
            await end();
    }

    /// <summary>Tells whether the journal still answers: what the watchdog rests on.</summary>
    public async Task<bool> IsHealthyAsync(CancellationToken cancellationToken)
    {
        try
        {
            await ((IJournalTail)_journal).HighestOrderingAsync(cancellationToken);
            return true;
        }
#pragma warning disable CA1031 // Whatever it is, the service manager hears nothing and restarts us.
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            _log.JournalSilent(e.Message);
            return false;
        }
    }

    async Task StartAsync(ILoggerFactory logging, CancellationToken cancellationToken)
    {
        var passphrase = ReadPassphrase(_settings.RootPassphraseFile);
        _state = StateDirectory.Open(_settings.StateDirectory);
        _ends.Push(() => EndAsync(_state.Dispose));
        _journal = OpenJournal();
        _ends.Push(() => EndAsync(_journal.Dispose));
        await RefuseLostIdentityAsync(cancellationToken);
        _cluster = await ClusterMembership.OpenAsync(_settings, _state.Path, _machineClock, _log, cancellationToken);
        _ends.Push(_cluster.DisposeAsync);
        _clock = _cluster.Clock;
        _startedAt = _clock.Now;
        _keys = ControllerKeys.OpenOrCreate(_state, passphrase, _clock.Now, SystemEntropy.Instance, out var created);
        _ends.Push(() => EndAsync(_keys.Dispose));
        IsFirstStart = created;
        await _cluster.JoinAsync(_keys.Controller, cancellationToken);

        // One name per process and state: two controllers may run in one process in tests.
        var name = "journal-" + _keys.Controller;
        var offer = SqlJournal.Offer(name, _journal, new JsonEventSerializer(NetworkEvents.Manifests));
        _ends.Push(() => EndAsync(offer.Dispose));
        // The engine's own log lines go the way of all others, through EngineLog.
        var actors = ActorSystem.Create("mesh-controller", DefaultConfiguration.ForActors(ConfigurationFactory.ParseString(
            $"akka {{ stdout-loglevel = OFF, persistence.journal.sql.database = \"{name}\" }}").WithFallback(_settings.Actors)));
        _ends.Push(async () => await actors.Terminate());
        EngineLog.Attach(actors, logging);
        _cluster.Watch(actors);
        _ends.Push(async () => await _cluster.LeaveAsync());
        _system = await ControllerSystem.StartAsync(
            actors, _journal, _keys, _clock, SystemEntropy.Instance, new PresenceTable(), Options(), _cluster.Jobs, _cluster.LastSeen,
            _journal, cancellationToken);
        _ends.Push(_system.DisposeAsync);
        await EnsureNetworkAsync();
        _delegation = OwnDelegation.Begin(_system, _keys, _state, _clock, passphrase, _log);
        _ends.Push(_delegation.DisposeAsync);

        var limiter = new AttemptLimiter();
        var enroll = new EnrollEndpoint(_system, _keys, _clock, limiter, logging.CreateLogger<EnrollEndpoint>());
        _ends.Push(() => EndAsync(enroll.Dispose));
        var verbs = new AdminVerbs(_system, _clock, _keys.Controller, () => _cluster.View, Status, Trouble)
        {
            Exporter = new AuditExporter(_system, _journal, _keys, _clock),
            Backups = new BackupWriter(_journal, _keys, _clock),
        };
        _api = new ApiServer(
            _system, _keys, _clock, enroll, new StreamEndpoint(_system, logging.CreateLogger<StreamEndpoint>()),
            new AdminEndpoint(_system, verbs, _clock, logging.CreateLogger<AdminEndpoint>()), logging);
        _ends.Push(_api.DisposeAsync);
        await ListenAsync(cancellationToken);
        Advertise = _settings.Advertise.Count > 0 ? _settings.Advertise : OwnAddresses(_api.Listening, _system.Queries.Network!);
        await _delegation.ServeAsync(Advertise);

        _ends.Push(async () => await _cluster.UnlinkAsync());
        await _cluster.ServeAsync(_system, _keys, _settings.InternalAddress, Advertise);

        var admin = new AdminServer(verbs, logging);
        await admin.StartAsync(_settings.Socket, cancellationToken);
        _ends.Push(admin.DisposeAsync);
        // The streams end first, each with its reason, while there is still a server to say it through.
        _ends.Push(_system.DisposeAsync);
        // Before that the others are told that nodes will come.
        _ends.Push(async () => await _cluster.StopServingAsync());
        Ended = Task.WhenAny(_cluster.Replaced, _delegation.Withdrawn).Unwrap();
        _log.Started(_keys.Network, _keys.Controller, string.Join(", ", _api.Listening), string.Join(", ", Advertise));
    }

    JournalDatabase OpenJournal()
    {
        // An identity without a journal is a network whose history was lost: an empty one would go backwards, and nodes refuse that.
        var mayCreate = !File.Exists(_state.IdentityPath);
        if (_settings.Database is null && !mayCreate && !File.Exists(_state.JournalPath))
            throw new CommandException(
                ExitCode.BadConfiguration, $"{_state.JournalPath} is missing: restore it from a backup of the state directory");
        try
        {
            return _settings.Database is { } place ? PostgresJournal.Open(place, mayCreate ? SchemaRights.Create | SchemaRights.Migrate : SchemaRights.Migrate) : SqliteJournal.Open(_state.JournalPath);
        }
        catch (JournalException e)
        {
            throw _settings.Database is null && e is not JournalCorruptException && DiskErrors.IsFullAt(_state.Path)
                ? new CommandException(ExitCode.TryAgain, $"cannot open the journal: {DiskFull}", e)
                : new CommandException(e.ExitCode, e.Message, e);
        }
    }

    async Task RefuseLostIdentityAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(_state.IdentityPath) && await ((IJournalTail)_journal).HighestOrderingAsync(cancellationToken) > 0)
            throw new CommandException(
                ExitCode.BadConfiguration, _settings.Database is null
                    ? $"{_state.IdentityPath} is missing but {_journal.Place} holds a network: restore it from a backup"
                    : $"{_state.IdentityPath} is missing but {_journal.Place} holds a network: restore it from a backup, or make this another controller of it with 'mesh-controller cluster join'");
    }

    async Task EnsureNetworkAsync()
    {
        if (_system.Queries.Network is { } network)
        {
            if (network.Id != _keys.Network)
                throw new CommandException(
                    ExitCode.BadConfiguration,
                    $"{_journal.Place} holds network {network.Id}, the keys beside it are of {_keys.Network}: restore both from one backup");
            RememberNetwork();
            return;
        }
        // A first start that was cut between keys and journal goes on; where there was a history, another one may not take its place.
        if (File.Exists(_state.FoundedPath))
            throw new CommandException(
                ExitCode.BadConfiguration,
                $"{_journal.Place} is empty, but the keys beside it are of network {_keys.Network}: fill it with 'mesh-controller db import', or restore both from a backup");
        var genesis = new NetworkGenesis(_keys.Network, _keys.RootKey, _settings.Zone, _settings.Ipv4, _settings.Ipv6);
        Require(await _system.InitializeAsync(genesis, Cause.Of(Cause.System, SystemEntropy.Instance)));
        RememberNetwork();
    }

    void RememberNetwork()
    {
        if (!File.Exists(_state.FoundedPath))
            PrivateFile.Write(_state.FoundedPath, $"{_keys.Network}\n");
    }

    async Task ListenAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _api.StartAsync(_settings.Listen, cancellationToken);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new CommandException(
                ExitCode.BadConfiguration,
                $"cannot listen on {string.Join(", ", _settings.Listen)}: {e.Message}: name another address with --listen", e);
        }
    }

    string DiskFull => $"the disk that holds {_state.Path} is full: free some space and try again";

    string? Trouble() => DiskErrors.IsFullAt(_state.Path) ? DiskFull : null;

    StatusReport Status()
    {
        var queries = _system.Queries;
        var network = queries.Network!;
        var now = _clock.Now;
        var warnings = new List<string>();
        var ends = _keys.DelegationStatement.NotAfter;
        if (_keys.IsRenewalDue(now))
            warnings.Add($"the delegation by the network root ends on {ends}: renew it with 'mesh-controller cluster renew', with the root key at hand");
        if (File.Exists(_state.RootKeyPath) && _settings.RootPassphraseFile is null)
            warnings.Add($"the network's root key lies on this machine: move {_state.RootKeyPath} to a safe place");
        if (Trouble() is { } trouble)
            warnings.Add(trouble);
        if (_cluster.ClockTrouble is { } clockTrouble)
            warnings.Add(clockTrouble);
        if (queries.PolicyText.Length == 0)
            warnings.Add("no policy is set, so no node may talk to another: mesh-controller policy set -f FILE");
        warnings.AddRange(NodeWarnings.Of(queries));
        warnings.AddRange(AuditWarnings.Of(_system));
        var view = queries.View;
        return new StatusReport(
            ProgramVersion.Text, network.Id, _keys.Controller, network.Zone, network.Ipv4, network.Ipv6, _keys.RootHash, _keys.Epoch,
            view.Revision, _startedAt, [.. _api.Listening.Select(endpoint => endpoint.ToString())], Advertise, _state.Path, _journal.Place,
            view.Users.Count, view.Present.Count, _system.Attached,
            view.OpenCredentials.SkipWhile(open => now > open.ExpiresAt).Count(), ends, warnings)
        {
            AuditHead = view.Audit.ToString(),
        };
    }

    ControllerOptions Options() => new()
    {
        MapValidFor = _settings.MapValidFor,
        MapAcceptFor = _settings.MapAcceptFor,
        RenewalInterval = _settings.MapRenewalInterval,
        CredentialLifetime = _settings.CredentialLifetime,
        NodeExpiry = _settings.NodeExpiry,
        EphemeralTimeout = _settings.EphemeralTimeout,
        Retention = _settings.AuditRetention,
        // A short time-out is watched more closely.
        NodeSweepInterval = TimeSpan.FromSeconds(Math.Clamp(_settings.EphemeralTimeout.TotalSeconds / 6, 0.5, 10)),
    };

    internal static byte[]? ReadPassphrase(string? path)
    {
        if (path is null)
            return null;
        var text = System.Text.Encoding.UTF8.GetString(PrivateFile.Read(path));
        var line = text.Split('\n', 2)[0].TrimEnd('\r');
        return line.Length > 0
            ? System.Text.Encoding.UTF8.GetBytes(line)
            : throw new CommandException(ExitCode.BadConfiguration, $"the first line of {path} is empty: it must hold the passphrase");
    }

    // Where nobody says how nodes get here: the addresses listened on, or the machine's own where that is every address.
    // The overlay's own addresses are none: a node needs the controller before it has the overlay.
    static List<string> OwnAddresses(IReadOnlyList<IPEndPoint> listening, NetworkIdentity network)
    {
        IPNetwork[] overlay = [IPNetwork.Parse(network.Ipv4), IPNetwork.Parse(network.Ipv6)];
        var found = new List<IPEndPoint>();
        foreach (var endpoint in listening)
        {
            if (!endpoint.Address.Equals(IPAddress.Any) && !endpoint.Address.Equals(IPAddress.IPv6Any))
            {
                found.Add(endpoint);
                continue;
            }
            found.AddRange(NetworkInterface.GetAllNetworkInterfaces()
                .Where(one => one.OperationalStatus != OperationalStatus.Down)
                .SelectMany(one => one.GetIPProperties().UnicastAddresses)
                .Select(one => one.Address)
                .Where(one => !IPAddress.IsLoopback(one) && !one.IsIPv6LinkLocal && !overlay.Any(range => range.Contains(one))
                    && (one.AddressFamily == AddressFamily.InterNetwork || endpoint.AddressFamily == AddressFamily.InterNetworkV6))
                .OrderBy(one => one.AddressFamily)
                .Select(one => new IPEndPoint(one, endpoint.Port)));
        }
        if (found.Count == 0)
            found.Add(new IPEndPoint(IPAddress.Loopback, listening[0].Port));
        return [.. found.Select(one => one.ToString()).Distinct(StringComparer.Ordinal).Take(CredentialString.MaximumControllers)];
    }

    static void Require<T>(Outcome<T> outcome) where T : class
    {
        if (!outcome.IsDone)
            throw new CommandException(
                outcome.Refusal.Kind == RefusalKind.Unavailable ? ExitCode.TryAgain : ExitCode.BadConfiguration, outcome.Refusal.Message);
    }

    static ValueTask EndAsync(Action end)
    {
        end();
        return ValueTask.CompletedTask;
    }
}
