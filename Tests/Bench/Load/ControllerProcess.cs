using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.Bench.Lab;
using Mesh.Bench.Measure;

namespace Mesh.Bench.Load;

/// <summary>
/// Is a controller as its operators run it: the program itself with a state directory of its own, asked over its admin socket. Its
/// build is that of this program.
/// </summary>
sealed class ControllerProcess : IAsyncDisposable
{
    const int MostAttempts = 5;
    static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2);

    readonly string _folder;
    readonly string _address;
    readonly string? _database;
    readonly IReadOnlyDictionary<string, string> _variables;
    readonly HttpClient _admin;
    readonly List<int> _ids = [];
    RunningProcess? _process;

    ControllerProcess(string folder, string? database, IReadOnlyDictionary<string, string> variables)
    {
        (_folder, _database, _variables) = (folder, database, variables);
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            _address = probe.LocalEndpoint.ToString()!;
        }
        _admin = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancel) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(_folder, "admin.sock")), cancel);
                return new NetworkStream(socket, ownsSocket: true);
            },
        })
        {
            BaseAddress = new Uri("http://controller"),
            Timeout = TimeSpan.FromMinutes(2),
        };
    }

    /// <summary>Gets the process id.</summary>
    public int Id => _process!.Id;

    /// <summary>Starts a controller with a new network.</summary>
    /// <param name="folder">For its state; it is the caller's to remove.</param>
    /// <param name="database">The PostgreSQL URI of an empty database; null: SQLite in the state directory.</param>
    /// <param name="variables">Environment variables beyond the inherited ones.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="BenchFailureException">It does not start.</exception>
    public static async Task<ControllerProcess> StartAsync(
        string folder, string? database, IReadOnlyDictionary<string, string> variables, CancellationToken cancel)
    {
        var controller = new ControllerProcess(folder, database, variables);
        await controller.StartAsync(cancel);
        return controller;
    }

    /// <summary>Starts it, again after <see cref="KillAsync"/>, on the same state and address; returns when it answers.</summary>
    public async Task StartAsync(CancellationToken cancel)
    {
        string[] database = _database is null ? [] : ["--database", _database];
        _process = RunningProcess.Start(
            Path.Combine(AppContext.BaseDirectory, "mesh-controller"),
            ["serve", "--state-dir", Path.Combine(_folder, "state"), "--socket", Path.Combine(_folder, "admin.sock"), "--listen", _address,
                "--advertise", _address, "--log-level", "warning", .. database],
            _variables);
        _ids.Add(_process.Id);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(StartLimit);
        while (true)
        {
            if (_process.HasExited)
                throw new BenchFailureException(ExitCodes.Failed, $"the controller ended: {_process.Output.Trim()}");
            try
            {
                await GetAsync("/v1/status", limit.Token);
                return;
            }
            catch (HttpRequestException)
            {
                await Task.Delay(20, limit.Token);
            }
        }
    }

    /// <summary>Kills it, with no time for anything.</summary>
    public async Task KillAsync() => await _process!.DisposeAsync();

    /// <summary>Processor seconds used so far; finer than the kernel's tick.</summary>
    public double CpuSeconds() => Native.ProcessorNanoseconds(Id) / 1e9;

    /// <summary>Resident set in bytes.</summary>
    public long ResidentBytes() => ProcFigures.ResidentBytes(Id);

    /// <summary>Asks the admin socket.</summary>
    public async Task<JsonNode> GetAsync(string path, CancellationToken cancel) => JsonNode.Parse(await _admin.GetStringAsync(path, cancel))!;

    /// <summary>Tells the admin socket; where the controller has no time, again, as it asks for.</summary>
    /// <exception cref="BenchFailureException">It is refused.</exception>
    public async Task<JsonNode> PostAsync(string path, JsonNode? body, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var content = new StringContent(body?.ToJsonString() ?? "", Encoding.UTF8, "application/json");
            using var response = await _admin.PostAsync(path, content, cancel);
            var text = await response.Content.ReadAsStringAsync(cancel);
            if (response.IsSuccessStatusCode)
                return JsonNode.Parse(text)!;
            if (response.StatusCode != HttpStatusCode.ServiceUnavailable || attempt == MostAttempts)
                throw new BenchFailureException(ExitCodes.Failed, $"{path}: {text}");
            Progress.Say($"  {path} again: {text}");
            await Task.Delay(TimeSpan.FromSeconds(1), cancel);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _admin.Dispose();
        if (_process is not null)
            await _process.DisposeAsync();
        // A runtime that writes for perf leaves these behind, and so does nobody else under these numbers.
        foreach (var file in _ids.SelectMany(id => new[] { $"/tmp/perf-{id}.map", $"/tmp/perfinfo-{id}.map" }))
            File.Delete(file);
    }
}
