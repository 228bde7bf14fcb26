using System.Diagnostics.CodeAnalysis;
using Mesh.Actors.Device;

namespace Mesh.Node.Configuration;

/// <summary>Names offloads as flags, files and tables do: <c>tun-segmentation</c>.</summary>
static class OffloadNames
{
    /// <summary>Stands for every offload.</summary>
    public const string All = "all";

    static readonly (OffloadFeatures Feature, string Name)[] _names =
    [
        (OffloadFeatures.TunSegmentation, "tun-segmentation"),
        (OffloadFeatures.TunUdpSegmentation, "tun-udp-segmentation"),
        (OffloadFeatures.TunCoalescing, "tun-coalescing"),
        (OffloadFeatures.SendSegmentation, "send-segmentation"),
        (OffloadFeatures.ReceiveCoalescing, "receive-coalescing"),
        (OffloadFeatures.MultiQueue, "multi-queue"),
    ];

    /// <summary>Every name, for help and errors.</summary>
    public static string Known { get; } = string.Join(", ", _names.Select(n => n.Name).Append(All));

    /// <summary>The name of one offload.</summary>
    public static string Of(OffloadFeatures feature) => _names.First(n => n.Feature == feature).Name;

    /// <summary>The names of several, separated by commas; empty for none.</summary>
    public static string Join(OffloadFeatures features) => string.Join(',', _names.Where(n => features.HasFlag(n.Feature)).Select(n => n.Name));

    /// <summary>Reads names separated by commas; <c>none</c> is no offload.</summary>
    /// <param name="text">The names.</param>
    /// <param name="features">What they name.</param>
    /// <param name="unknown">The first that names nothing.</param>
    public static bool TryParse(string text, out OffloadFeatures features, [NotNullWhen(false)] out string? unknown)
    {
        (features, unknown) = (OffloadFeatures.None, null);
        foreach (var word in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (word == All)
                features = _names.Aggregate(OffloadFeatures.None, (all, n) => all | n.Feature);
            else if (_names.FirstOrDefault(n => n.Name == word) is { Name: not null } named)
                features |= named.Feature;
            else if (word != "none")
            {
                unknown = word;
                return false;
            }
        }

        return true;
    }
}
