namespace Mesh.Bench.Report;

/// <summary>One figure of a test: how it is called, in what unit, and with how many decimals it is printed.</summary>
/// <param name="Test">The test's name, as <c>--tests</c> takes it; memory figures belong to none.</param>
/// <param name="Key">Its name within the test; <c>TEST.KEY</c> is what <c>--want</c> takes.</param>
/// <param name="Text">What the table calls it.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="Decimals">Decimals in print.</param>
sealed record Figure(string Test, string Key, string Text, string Unit, int Decimals)
{
    /// <summary>The tests that there are, in the order in which they run.</summary>
    public static readonly string[] Tests = ["ping", "tcp1", "tcp4", "tcp1r", "pingload", "udp64", "udp1200"];

    /// <summary>All figures in the order of the table.</summary>
    public static readonly IReadOnlyList<Figure> All =
    [
        .. Ping("ping", "idle"),
        .. Tcp("tcp1", "1 stream"),
        .. Tcp("tcp4", "4 streams"),
        .. Tcp("tcp1r", "1 stream, reverse"),
        .. Ping("pingload", "under bulk"),
        new("pingload", "gbit", "bulk beside the ping", "Gbit/s", 2),
        .. Udp("udp64", "64 B flood"),
        .. Udp("udp1200", "1200 B flood"),
        new("rss", "idle", "memory idle, larger daemon", "MB", 0),
        new("rss", "tcp", "memory after TCP, larger daemon", "MB", 0),
        new("rss", "udp", "memory after floods, larger daemon", "MB", 0),
    ];

    /// <summary><c>TEST.KEY</c>.</summary>
    public string Id => $"{Test}.{Key}";

    static Figure[] Tcp(string test, string text) =>
    [
        new(test, "gbit", $"TCP {text}", "Gbit/s", 2),
        new(test, "cpu", $"TCP {text}, CPU of both daemons", "s/GB", 2),
        new(test, "machine", $"TCP {text}, CPU of the machine", "s/GB", 2),
        new(test, "retransmits", $"TCP {text}, retransmits", "", 0),
    ];

    static Figure[] Udp(string test, string text) =>
    [
        new(test, "sent", $"UDP {text}, sent", "kpps", 0),
        new(test, "received", $"UDP {text}, received", "kpps", 1),
        new(test, "loss", $"UDP {text}, loss", "%", 1),
        new(test, "cpu", $"UDP {text}, CPU of both daemons", "s/Mpkt", 2),
        new(test, "machine", $"UDP {text}, CPU of the machine", "s/Mpkt", 2),
    ];

    static Figure[] Ping(string test, string text) =>
    [
        new(test, "avg", $"ping {text}, average", "us", 0),
        new(test, "p50", $"ping {text}, median", "us", 0),
        new(test, "p99", $"ping {text}, p99", "us", 0),
        new(test, "lost", $"ping {text}, lost", "", 0),
    ];
}
