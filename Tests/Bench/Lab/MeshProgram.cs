using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Mesh.Protocol.Crypto;

namespace Mesh.Bench.Lab;

/// <summary>Mesh, driven as its users drive it: <c>mesh daemon</c> with a network in its configuration file.</summary>
sealed class MeshProgram : IContender
{
    readonly string _program;
    readonly bool _filters;
    string _name = "mesh";

    MeshProgram(string program, CipherSuite suite, string description, bool filters) =>
        (_program, Suite, Description, _filters) = (program, suite, description, filters);

    /// <inheritdoc/>
    public string Name => _name + (Suite == CipherSuite.Aes256Gcm ? " aes" : "");

    /// <inheritdoc/>
    public string Description { get; }

    /// <summary>The suite that it is configured for.</summary>
    public CipherSuite Suite { get; }

    /// <summary>Environment variables for the daemon, beyond the inherited ones.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; init; } = new Dictionary<string, string>();

    /// <summary>Takes the program at a path.</summary>
    /// <exception cref="BenchFailureException">There is none that runs.</exception>
    public static MeshProgram At(string path, CipherSuite suite)
    {
        if (!File.Exists(path))
            throw new BenchFailureException(ExitCodes.Unreachable, $"there is no mesh at {path}: name the program itself with --mesh, or leave that out to have it built");
        path = Path.GetFullPath(path);
        var version = ProcessRun.Run(path, ["version"]).MustExit().Output.Trim();
        // An earlier build can be measured, too, but knows no lists of what a peer may open, and its filter then passes everything unseen.
        var filters = ProcessRun.Run(path, ["daemon", "--help"]).Output.Contains("--suites", StringComparison.Ordinal);
        return new MeshProgram(path, suite, filters ? $"{version}, stateful filter on" : $"{version}, too old for filter lists: everything allowed", filters);
    }

    /// <summary>The same program with another suite.</summary>
    public MeshProgram With(CipherSuite suite) => new(_program, suite, Description, _filters) { Variables = Variables, _name = _name };

    /// <summary>The same program with environment variables.</summary>
    public MeshProgram With(IReadOnlyDictionary<string, string> variables) => new(_program, Suite, Description, _filters) { Variables = variables, _name = _name };

    /// <summary>The same program under another name in tables.</summary>
    public MeshProgram Called(string name) => new(_program, Suite, Description, _filters) { Variables = Variables, _name = name };

    /// <summary>Publishes the node from this repository into <c>artifacts/bench</c> and gives the program's path.</summary>
    /// <param name="native">Compiled ahead of time to one binary; else for the installed runtime.</param>
    /// <param name="cancel">Ends the compiler too.</param>
    public static async Task<string> PublishAsync(bool native, CancellationToken cancel)
    {
        var root = RepositoryRoot();
        var output = Path.Combine(root, "artifacts/bench", native ? "native" : "jit");
        Progress.Say($"publishing mesh ({(native ? "native" : "JIT")}) into {Path.GetRelativePath(Environment.CurrentDirectory, output)}");
        string[] more = native
            ? ["-r", $"linux-{RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()}", "-p:MeshFramework=net9.0", "-p:PublishAot=true"]
            : [];
        var dotnet = Environment.ProcessPath is { } self && Path.GetFileNameWithoutExtension(self) == "dotnet" ? self : "dotnet";
        await using var publish = RunningProcess.Start(dotnet,
            ["publish", Path.Combine(root, "Node"), "-c", "Release", "-o", output, "-v", "q", "-nologo", .. more]);
        if (await publish.WaitForExitAsync(TimeSpan.FromMinutes(15)).WaitAsync(cancel) != 0)
            throw new BenchFailureException(ExitCodes.Failed, $"mesh could not be published: {publish.Output.Split('\n').FirstOrDefault(l => l.Contains("error")) ?? publish.Output}");
        return Path.Combine(output, "mesh");
    }

    /// <inheritdoc/>
    public async Task<TunnelEnd> StartAsync(Netns ns, EndOptions options, CancellationToken cancel)
    {
        var folder = Path.Combine(options.Folder, options.Name);
        Directory.CreateDirectory(folder);
        var file = Path.Combine(folder, "mesh.hocon");
        var socket = Path.Combine(folder, "s");
        await File.WriteAllTextAsync(file, Configuration(options), cancel);
        var began = Stopwatch.GetTimestamp();
        var process = ns.Start(Variables, _program, "daemon", "--config", file, "--state-dir", Path.Combine(folder, "state"), "--socket", socket,
            "--key-dir", Path.Combine(folder, "keys"), "--hosts-file", "none");
        await TunnelEnd.WaitForSocketAsync(process, socket, Name, TimeSpan.FromSeconds(30 + options.Peers.Count / 10.0), cancel);
        return new TunnelEnd(process, null, Stopwatch.GetElapsedTime(began)) { Api = socket };
    }

    /// <inheritdoc/>
    public void Verify(TunnelEnd end)
    {
        if (!_filters)
            return;
        // A node that gets no answer to one suite goes on with the other; a figure must not pass for that of the first.
        var status = ProcessRun.Run(_program, ["status", "--json", "--socket", end.Api!]).MustExit().Output;
        var wanted = Suite == CipherSuite.Aes256Gcm ? "aes-256-gcm" : "chacha20-poly1305";
        if (!status.Contains($"\"{wanted}\"", StringComparison.Ordinal))
            throw new BenchFailureException(ExitCodes.Failed, $"{Name} does not use {wanted}: {status}");
    }

    string Configuration(EndOptions options)
    {
        StringBuilder text = new();
        if (Suite == CipherSuite.Aes256Gcm && !_filters)
            throw new BenchFailureException(ExitCodes.Refused, $"{_program} is too old for cipher suites: leave --suite out");
        var suites = Suite == CipherSuite.Aes256Gcm ? $"suites = [\"{CipherSuites.Aes256Gcm}\"]" : "suites = []";
        text.Append(CultureInfo.InvariantCulture, $$"""
            mesh {
              interface = {{options.Name}}, port = {{EndOptions.Port}}, mtu = {{EndOptions.Mtu}}, private-key-file = "{{options.Key.File}}"
              addresses = [{{Quoted(options.Addresses)}}]
              {{(_filters ? suites : "")}}

            """);
        // What goes the other way passes only as the answer to a flow that the filter remembers.
        var rules = options.Opens ? "send = [\"*\"], accept = []" : "send = [], accept = [\"*\"]";
        var number = 0;
        foreach (var peer in options.Peers)
        {
            text.Append(CultureInfo.InvariantCulture, $"  peers.p{number++} {{ public-key = \"{peer.Key}\", allowed-ips = [{Quoted(peer.AllowedIps)}]");
            if (peer.Endpoint is { } endpoint)
                text.Append(CultureInfo.InvariantCulture, $", endpoint = \"{endpoint}\"");
            text.Append(_filters ? $", {rules}, {suites} }}\n" : " }\n");
        }

        return text.Append("}\n").ToString();
    }

    static string Quoted(IReadOnlyList<string> values) => string.Join(", ", values.Select(v => $"\"{v}\""));

    /// <summary>The folder of the solution that this program was built from.</summary>
    public static string RepositoryRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Mesh.Actors.sln")))
                return folder.FullName;
        }

        throw new BenchFailureException(ExitCodes.Unreachable, "this program does not run from inside the repository: name a built mesh with --mesh");
    }
}
