namespace Mesh.Bench.Measure;

/// <summary>Counters of one interface.</summary>
sealed record LinkCounters(long ReceivedPackets, long ReceivedBytes, long SentPackets, long SentBytes)
{
    /// <summary>Reads the counters of an interface in a namespace; bytes with Ethernet headers.</summary>
    public static LinkCounters Read(Netns ns, string interfaceName)
    {
        // face |bytes packets errs drop fifo frame compressed multicast|bytes packets ...
        var line = ns.Run("cat", "/proc/net/dev").MustExit().Output.Split('\n').Single(l => l.TrimStart().StartsWith(interfaceName + ":", StringComparison.Ordinal));
        var fields = line[(line.IndexOf(':') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse).ToArray();
        return new LinkCounters(fields[1], fields[0], fields[9], fields[8]);
    }

    public static LinkCounters operator -(LinkCounters later, LinkCounters earlier) => new(later.ReceivedPackets - earlier.ReceivedPackets,
        later.ReceivedBytes - earlier.ReceivedBytes, later.SentPackets - earlier.SentPackets, later.SentBytes - earlier.SentBytes);
}

/// <summary>Reads what a namespace's UDP dropped.</summary>
static class UdpCounters
{
    /// <summary>Datagrams that found a socket's receive buffer full, IPv4 and IPv6 sockets.</summary>
    public static long BufferErrors(Netns ns)
    {
        // Two lines of Udp: names, then values. An IPv6 socket that also takes IPv4 counts there, too.
        var v4 = ns.Run("cat", "/proc/net/snmp").MustExit().Output.Split('\n').Where(l => l.StartsWith("Udp:", StringComparison.Ordinal)).Select(l => l.Split(' ')).ToArray();
        var v6 = ns.Run("cat", "/proc/net/snmp6").MustExit().Output.Split('\n').Where(l => l.StartsWith("Udp6RcvbufErrors", StringComparison.Ordinal))
            .Sum(l => long.Parse(l.Split(' ', '\t')[^1]));
        return long.Parse(v4[1][Array.IndexOf(v4[0], "RcvbufErrors")]) + v6;
    }
}
