using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using Mesh.Bench.Lab;
using Mesh.Bench.Measure;
using Mesh.Bench.Report;

namespace Mesh.Bench.Cli;

/// <summary>The options that say what is measured and where figures go, and what they lead to.</summary>
sealed class Contenders
{
    static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    readonly Option<string> _peer = BenchOptions.Peer();
    readonly Option<bool> _allowOld = BenchOptions.AllowOldPeer();
    readonly Option<string?> _mesh = BenchOptions.Mesh();
    readonly Option<bool> _native = BenchOptions.Native();
    readonly Option<string?> _only = BenchOptions.Only();
    readonly Option<string?> _json = new("--json") { Description = "Write every single figure to a file as well", HelpName = "FILE" };

    /// <summary>Makes the options part of a verb.</summary>
    public void AddTo(Command verb, bool withNative = true)
    {
        foreach (var option in new Option[] { _peer, _allowOld, _mesh, _native, _only, _json })
        {
            if (withNative || option != _native)
                verb.Add(option);
        }
    }

    /// <summary>wireguard-go, whatever else is measured.</summary>
    public WireGuardGo FindPeer(ParseResult parsed) => WireGuardGo.Find(parsed.GetValue(_peer)!, parsed.GetValue(_allowOld));

    /// <summary>Mesh first, wireguard-go last, or the one that was asked for.</summary>
    public async Task<IReadOnlyList<IContender>> FindAsync(ParseResult parsed, CancellationToken cancel)
    {
        var peer = parsed.GetValue(_only) == "mesh" ? null : FindPeer(parsed);
        var mesh = parsed.GetValue(_only) == "peer" ? null : await BenchOptions.FindMeshAsync(parsed.GetValue(_mesh), parsed.GetValue(_native), cancel);
        return [.. mesh is null ? Array.Empty<IContender>() : [mesh], .. peer is null ? Array.Empty<IContender>() : [peer]];
    }

    /// <summary>Mesh as it is built for the runtime, as a native binary, or both; wireguard-go last.</summary>
    public async Task<IReadOnlyList<IContender>> FindBuildsAsync(ParseResult parsed, string builds, CancellationToken cancel)
    {
        List<IContender> found = [];
        var peer = parsed.GetValue(_only) == "mesh" ? null : FindPeer(parsed);
        if (parsed.GetValue(_only) != "peer" && parsed.GetValue(_mesh) is { } path)
            found.Add(await BenchOptions.FindMeshAsync(path, false, cancel));
        else if (parsed.GetValue(_only) != "peer")
        {
            if (builds != "native")
                found.Add(await BenchOptions.FindMeshAsync(null, false, cancel));
            if (builds != "jit")
                found.Add((await BenchOptions.FindMeshAsync(null, true, cancel)).Called("mesh native"));
        }

        return [.. found, .. peer is null ? Array.Empty<IContender>() : [peer]];
    }

    /// <summary>The order of a repetition: forwards, backwards, forwards.</summary>
    public static IEnumerable<IContender> Order(IReadOnlyList<IContender> programs, int repetition) => repetition % 2 == 1 ? programs : programs.Reverse();

    /// <summary>Prints the machine, the programs and the table, and writes the file that was asked for.</summary>
    public void Print(ParseResult parsed, IReadOnlyList<IContender> programs, string setting, SideBySide table)
    {
        (string Name, string Value)[] description = [.. Machine.Describe(), .. programs.Select(p => (p.Name, p.Description)), ("setting", setting)];
        foreach (var (name, value) in description)
            Console.WriteLine($"{name,-12} {value}");
        Console.WriteLine();
        Console.Write(table);
        if (parsed.GetValue(_json) is { } file)
        {
            File.WriteAllText(file, JsonSerializer.Serialize(
                new { machine = description.ToDictionary(d => d.Name, d => d.Value), figures = table.ToDocument() }, Indented) + "\n");
        }
    }
}
