using System.Globalization;

namespace Mesh.Tests.Kit.Persistence;

/// <summary>
/// A PostgreSQL server of this process: a directory and a UNIX socket of its own, started when it is first wanted, stopped and removed with
/// the process.
/// </summary>
public sealed class PostgresServer : IDisposable
{
    private static readonly Lazy<PostgresServer> Shared = new(static () => new PostgresServer(isDurable: false));
    private static int _lastDatabase;

    private readonly string _programs;
    private readonly string _folder;
    private readonly RunningProcess _process;
    private readonly Netns? _machine;
    private readonly string? _address;
    private bool _isStopped;

    /// <summary>Starts a server.</summary>
    /// <param name="isDurable">Whether it waits for the disk, to survive the machine and not only its clients.</param>
    /// <param name="machine">The machine that it runs on; null: this one.</param>
    /// <param name="address">The IPv4 address that it listens on beside its socket, and lets everybody in from; null: none.</param>
    public PostgresServer(bool isDurable, Netns? machine = null, string? address = null)
    {
        (_machine, _address) = (machine, address);
        _programs = Programs ?? throw new InvalidOperationException(Missing);
        _folder = Directory.CreateTempSubdirectory("mesh-test-postgres-").FullName;
        var data = Path.Combine(_folder, "data");
        Directory.CreateDirectory(data);
        if (Environment.IsPrivilegedProcess)
            ProcessRun.Run("chown", ["-R", "postgres:", _folder]).MustExit();
        Run("initdb", "-D", data, "-U", "mesh", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").MustExit();
        if (address is not null)
            File.AppendAllText(Path.Combine(data, "pg_hba.conf"), "host all all 0.0.0.0/0 trust\n");
        var (file, arguments) = AsServer(
            "postgres", "-D", data, "-k", _folder, "-c", $"listen_addresses={address}", "-c", isDurable ? "fsync=on" : "fsync=off", "-c", "max_connections=300", "-c", "log_min_messages=fatal");
        _process = RunningProcess.Start(file, arguments);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Stop();
        var limit = DateTime.UtcNow.AddSeconds(30);
        while (Run("pg_isready", "-q", "-h", _folder, "-U", "mesh", "-d", "postgres").ExitCode != 0)
        {
            if (_process.HasExited || DateTime.UtcNow > limit)
                throw new InvalidOperationException($"PostgreSQL does not start: {_process.Output}");
        }
    }

    /// <summary>Why there can be no server here, or null.</summary>
    public static string? Missing => Programs is null ? "needs PostgreSQL's server programs (initdb)" : null;

    /// <summary>The server of this process's tests, started if it was not. It does not wait for the disk.</summary>
    public static PostgresServer Instance => Shared.Value;

    /// <summary>The directory of its socket.</summary>
    public string Host => _folder;

    private static string? Programs { get; } = Requirements.Find("initdb") is { } found
        ? Path.GetDirectoryName(File.ResolveLinkTarget(found, returnFinalTarget: true)?.FullName ?? found)
        : !Directory.Exists("/usr/lib/postgresql") ? null
        : Directory.GetDirectories("/usr/lib/postgresql").Select(static version => Path.Combine(version, "bin"))
            .Where(static folder => File.Exists(Path.Combine(folder, "initdb")))
            .MaxBy(static folder => int.TryParse(Path.GetFileName(Path.GetDirectoryName(folder)), out var version) ? version : 0);

    /// <summary>Makes an empty database and gives its URI.</summary>
    public string CreateDatabase()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"test_{Environment.ProcessId}_{Interlocked.Increment(ref _lastDatabase)}");
        Psql("postgres", $"CREATE DATABASE {name}");
        return $"postgresql://mesh@/{name}?host={Uri.EscapeDataString(_folder)}";
    }

    /// <summary>Gives the URI by which a database is reached over the network.</summary>
    public string NetworkUri(string uri) =>
        $"postgresql://mesh@{_address ?? throw new InvalidOperationException("the server listens on no address")}:5432/{NameOf(uri)}";

    /// <summary>Stops it and removes all that is in it.</summary>
    public void Dispose() => Stop();

    /// <summary>Replaces a database by an empty one of its name.</summary>
    public void EmptyDatabase(string uri)
    {
        DropDatabase(uri);
        Psql("postgres", $"CREATE DATABASE {NameOf(uri)}");
    }

    /// <summary>Removes a database, and ends the sessions in it.</summary>
    public void DropDatabase(string uri) => Psql("postgres", $"DROP DATABASE IF EXISTS {NameOf(uri)} WITH (FORCE)");

    /// <summary>Runs a statement in a database by its URI and gives what it selects, a line a row.</summary>
    public string Query(string uri, string sql) => Psql(NameOf(uri), sql);

    private static string NameOf(string uri) => uri[(uri.IndexOf("@/", StringComparison.Ordinal) + 2)..uri.IndexOf('?', StringComparison.Ordinal)];

    private string Psql(string database, string sql) =>
        Run("psql", "-h", _folder, "-U", "mesh", "-d", database, "-v", "ON_ERROR_STOP=1", "-qAt", "-c", sql).MustExit().Output;

    private ProcessResult Run(string program, params string[] arguments)
    {
        var (file, all) = AsServer(program, arguments);
        return ProcessRun.Run(file, all);
    }

    // The server refuses to run as root.
    private (string File, IEnumerable<string> Arguments) AsServer(string program, params string[] arguments)
    {
        var path = Path.Combine(_programs, program);
        if (!Environment.IsPrivilegedProcess)
            return (path, arguments);
        string[] there = _machine is null ? [] : ["ip", "netns", "exec", _machine.FullName];
        string[] all = [.. there, "setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups", path, .. arguments];
        return (all[0], all[1..]);
    }

    private void Stop()
    {
        if (_isStopped)
            return;
        _isStopped = true;
        if (!_process.HasExited)
        {
            // At once, without a word to clients: nothing of it is wanted any more.
            _process.Signal("QUIT");
            _process.WaitForExitAsync(TimeSpan.FromSeconds(10)).GetAwaiter().GetResult();
        }

        Directory.Delete(_folder, recursive: true);
    }
}
