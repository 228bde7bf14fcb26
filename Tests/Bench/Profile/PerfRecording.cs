namespace Mesh.Bench.Profile;

/// <summary>Is one sample: the thread that ran, and where it was, the innermost function first.</summary>
sealed record PerfSample(string Thread, IReadOnlyList<PerfFrame> Stack);

/// <summary>Is one function on a stack; where its name is not known, <c>[unknown]</c>.</summary>
readonly record struct PerfFrame(string Symbol, string Object);

/// <summary>
/// Samples one process with perf and with native callers, 199 times per processor second that it uses, until it is stopped. What a JIT
/// compiled ends the stack: beyond it perf cannot follow.
/// </summary>
sealed class PerfRecording : IAsyncDisposable
{
    readonly string _data;
    readonly RunningProcess _record;

    PerfRecording(string data, RunningProcess record) => (_data, _record) = (data, record);

    /// <summary>Begins to sample.</summary>
    /// <param name="process">The id of the process.</param>
    /// <param name="folder">For perf's own file.</param>
    /// <param name="cancel">Gives up.</param>
    public static async Task<PerfRecording> StartAsync(int process, string folder, CancellationToken cancel)
    {
        var data = Path.Combine(folder, $"perf-{process}.data");
        var record = RunningProcess.Start(
            "perf", ["record", "-q", "-e", "cpu-clock", "-F", "199", "--call-graph", "dwarf,4096", "-p", $"{process}", "-o", data]);
        // One that is told to stop before it has begun leaves a file that cannot be read.
        for (var i = 0; i < 100 && !record.HasExited && !(File.Exists(data) && new FileInfo(data).Length > 0); i++)
            await Task.Delay(100, cancel);
        await Task.Delay(300, cancel);
        return new PerfRecording(data, record);
    }

    /// <summary>Stops and reads the samples.</summary>
    /// <exception cref="BenchFailureException">perf could not record, or not be read.</exception>
    public async Task<IReadOnlyList<PerfSample>> StopAsync(CancellationToken cancel)
    {
        if (!_record.HasExited)
            _record.Signal("INT");
        await _record.WaitForExitAsync(TimeSpan.FromMinutes(1)).WaitAsync(cancel);
        if (!File.Exists(_data))
            throw new BenchFailureException(ExitCodes.Failed, $"perf record: {_record.Output}");
        var script = await Task.Run(() => ProcessRun.Run(
            "perf", ["script", "-i", _data, "-F", "comm,ip,sym,dso", "--no-inline"], TimeSpan.FromMinutes(5)).MustExit(), cancel);
        File.Delete(_data);
        return Parse(script.Output);
    }

    /// <summary>Reads a line with the thread and below it <c>ip symbol (object)</c> for each frame, samples apart by empty lines.</summary>
    public static IReadOnlyList<PerfSample> Parse(string script)
    {
        var samples = new List<PerfSample>();
        foreach (var part in script.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            var lines = part.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            samples.Add(new PerfSample(lines[0].Trim(), [.. lines.Skip(1).Select(Frame)]));
        }
        return samples;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _record.DisposeAsync();

    static PerfFrame Frame(string line)
    {
        var text = line.Trim();
        var open = text.LastIndexOf(" (", StringComparison.Ordinal);
        var (named, part) = open < 0 ? (text, "") : (text[..open], text[(open + 2)..].TrimEnd(')'));
        var symbol = named.IndexOf(' ') is > 0 and var space ? named[(space + 1)..] : "[unknown]";
        return new PerfFrame(symbol, part.Contains('/') ? Path.GetFileName(part.Split(' ')[0]) : part);
    }
}
