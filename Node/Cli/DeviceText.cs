using System.Globalization;
using System.Text;
using Mesh.Node.Local;

namespace Mesh.Node.Cli;

/// <summary>Prints a device for people: what carries the packets, then tables of features, drops and peers. Pure.</summary>
static class DeviceText
{
    /// <summary>Prints the whole.</summary>
    public static string Print(DeviceDocument device)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{device.Interface}: UDP port {device.ListenPort}, backend {device.Tunnel.Backend}, reopened {device.Restarts} times\n");
        text.Append(CultureInfo.InvariantCulture, $"can: {(device.Tunnel.Capabilities.Count == 0 ? "-" : string.Join(", ", device.Tunnel.Capabilities))}\n");
        if (device.Tunnel.Lacks.Count > 0)
            text.Append(CultureInfo.InvariantCulture, $"lacks: {string.Join("; ", device.Tunnel.Lacks)}\n");
        Table(text, ["FEATURE", "STATE", "DETAIL"], device.Tunnel.Features.Select(feature => new[] { feature.Name, feature.On ? "on" : "off", Filled(feature.Detail) }));
        Table(text, ["DROPPED FOR", "PACKETS"], device.Drops.OrderBy(drop => drop.Key, StringComparer.Ordinal).Select(drop => new[] { drop.Key, Number(drop.Value) }));
        Table(text, ["PEER", "ENDPOINT", "SUITE", "HANDSHAKE", "RX BYTES", "TX BYTES", "RX PACKETS", "TX PACKETS"], device.Peers.Select(peer => new[]
        {
            peer.Name, peer.Endpoint ?? "-", (peer.Suite ?? "-") + (peer.SuiteFellBack == true ? " (fell back)" : ""),
            peer.HandshakeAgeSeconds is { } age ? string.Create(CultureInfo.InvariantCulture, $"{age:0}s ago") : "-",
            Number(peer.RxBytes), Number(peer.TxBytes), Number(peer.RxPackets), Number(peer.TxPackets),
        }));
        return text.ToString();
    }

    // A table without rows is left out.
    static void Table(StringBuilder text, string[] head, IEnumerable<string[]> rows)
    {
        string[][] lines = [head, .. rows];
        if (lines.Length == 1)
            return;
        text.Append('\n');
        var widths = head.Select((_, column) => lines.Max(line => line[column].Length)).ToArray();
        foreach (var line in lines)
            text.Append(string.Join("  ", line.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd()).Append('\n');
    }

    static string Filled(string text) => text.Length > 0 ? text : "-";

    static string Number(long? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "-";
}
