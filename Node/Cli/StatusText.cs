using System.Globalization;
using System.Text;
using Mesh.Node.Local;

namespace Mesh.Node.Cli;

/// <summary>
/// Prints a status for people: columns IP, name, owner, OS, state, then health. A state is <c>-</c> (nothing went there), <c>idle</c>
/// or <c>active; direct ADDR</c>, with <c>; expired</c>, <c>; offline, last seen ...</c>, <c>; fell back to SUITE</c> and <c>, tx N rx N</c> behind it. Pure.
/// </summary>
static class StatusText
{
    /// <summary>Prints the whole.</summary>
    public static string Print(StatusDocument status, DateTimeOffset now)
    {
        var text = new StringBuilder();
        switch (status.BackendState)
        {
            case "NeedsLogin":
                text.Append("Logged out.\n");
                break;
            case "NeedsMachineAuth":
                text.Append("Machine is not yet approved by an admin.\n");
                break;
            case "Stopped":
                text.Append("Mesh is stopped.\n");
                break;
            case "Starting":
                text.Append("Mesh is starting.\n");
                break;
        }
        var rows = new List<string[]>();
        if (status.Self is { } self)
            rows.Add(Row(self, "-"));
        foreach (var peer in status.Peers)
            rows.Add(Row(peer, State(peer, now)));
        var widths = Enumerable.Range(0, 4).Select(column => rows.Select(row => row[column].Length).DefaultIfEmpty().Max()).ToArray();
        foreach (var row in rows)
        {
            for (var column = 0; column < widths.Length; column++)
                text.Append(row[column].PadRight(widths[column] + 2));
            text.Append(row[4]).Append('\n');
        }
        if (status.Tunnel is { Backend: not "managed" } tunnel)
            text.Append(CultureInfo.InvariantCulture, $"# Tunnel backend: {tunnel.Backend}").Append(tunnel.Lacks.Count == 0 ? "" : $" ({string.Join("; ", tunnel.Lacks)})").Append('\n');
        if (status.Health.Count > 0)
        {
            text.Append("# Health check:\n");
            foreach (var line in status.Health)
                text.Append("#     - ").Append(line).Append('\n');
        }
        return text.ToString();
    }

    /// <summary>Prints a peer's state.</summary>
    public static string State(NodeDocument peer, DateTimeOffset now)
    {
        var traffic = peer.RxBytes != 0 || peer.TxBytes != 0;
        var text = new StringBuilder();
        if (peer.Active && peer.CurAddr is not null)
            text.Append("active; direct ").Append(peer.CurAddr);
        else
            text.Append(traffic ? "idle" : "-");
        if (peer.Expired == true)
            text.Append("; expired");
        if (peer is { Online: false })
            text.Append("; offline").Append(peer.LastSeen is { } seen ? $", last seen {Ago(now - seen)}" : "");
        if (peer is { SuiteFellBack: true, Suite: { } suite })
            text.Append("; fell back to ").Append(suite);
        if (traffic)
            text.Append(CultureInfo.InvariantCulture, $", tx {peer.TxBytes} rx {peer.RxBytes}");
        return text.ToString();
    }

    static string[] Row(NodeDocument node, string state) =>
        [node.Addresses.Count > 0 ? node.Addresses[0] : "-", node.HostName, node.Owner ?? "-", string.IsNullOrEmpty(node.OS) ? "-" : node.OS, state];

    static string Ago(TimeSpan span) => span switch
    {
        { TotalSeconds: < 90 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, (int)span.TotalSeconds)}s ago"),
        { TotalMinutes: < 90 } => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalMinutes}m ago"),
        { TotalHours: < 48 } => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalHours}h ago"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalDays}d ago"),
    };
}
