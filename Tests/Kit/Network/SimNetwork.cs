using Mesh.Protocol.Crypto;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Tests.Kit.Network;

/// <summary>Says how badly a simulated network treats datagrams.</summary>
public sealed record LinkConditions
{
    /// <summary>A network that delivers everything after 10 ms.</summary>
    public static LinkConditions Good { get; } = new();

    /// <summary>The share of datagrams that vanish, 0 to 1.</summary>
    public double Loss { get; init; }

    /// <summary>The share of datagrams that arrive twice, 0 to 1.</summary>
    public double Duplication { get; init; }

    /// <summary>The least time under way.</summary>
    public TimeSpan MinimumDelay { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>The most time under way; what differs from the least reorders datagrams.</summary>
    public TimeSpan MaximumDelay { get; init; } = TimeSpan.FromMilliseconds(10);
}

/// <summary>Is a datagram on its way.</summary>
public sealed record SimDatagram(EndpointAddress From, EndpointAddress To, byte[] Bytes, Instant SentAt);

/// <summary>
/// Carries datagrams between simulated devices in virtual time and drives the devices' timers. One seed decides every fate, so a run can
/// be repeated. Not safe for concurrent use.
/// </summary>
public sealed class SimNetwork
{
    readonly PriorityQueue<SimDatagram, (long At, long Order)> _underWay = new();
    readonly Dictionary<EndpointAddress, SimDevice> _devices = [];
    readonly Random _random;
    long _order;

    /// <summary>Creates an empty network.</summary>
    public SimNetwork(int seed)
    {
        Seed = seed;
        _random = new Random(seed);
    }

    /// <summary>Gets the seed, for messages of failed assertions.</summary>
    public int Seed { get; }

    /// <summary>Gets the clock.</summary>
    public VirtualClock Clock { get; } = new();

    /// <summary>Gets or sets how datagrams are treated.</summary>
    public LinkConditions Conditions { get; set; } = LinkConditions.Good;

    /// <summary>Gets or sets what decides, besides chance, whether a datagram is carried; it sees every datagram that is sent.</summary>
    public Func<SimDatagram, bool>? Filter { get; set; }

    /// <summary>Gets the number of datagrams sent so far.</summary>
    public long Sent { get; private set; }

    /// <summary>Adds a device with an IPv4 endpoint of its own, which takes part in the announced suites beside the plain one.</summary>
    public SimDevice AddDevice(params CipherSuite[] announced)
    {
        var number = (uint)_devices.Count + 1;
        var device = new SimDevice(this, EndpointAddress.FromIPv4(0x0a00_0000 + number, 51820), unchecked((Seed * 1000) + (int)number), announced);
        _devices.Add(device.Endpoint, device);
        return device;
    }

    /// <summary>Gives a device another endpoint: datagrams to the old one are lost.</summary>
    public void Move(SimDevice device, EndpointAddress endpoint)
    {
        _devices.Remove(device.Endpoint);
        device.Endpoint = endpoint;
        _devices.Add(endpoint, device);
    }

    /// <summary>Sends a datagram.</summary>
    public void Send(EndpointAddress from, EndpointAddress to, ReadOnlySpan<byte> bytes)
    {
        Sent++;
        var datagram = new SimDatagram(from, to, bytes.ToArray(), Clock.Now);
        if (Filter is { } filter && !filter(datagram))
            return;
        if (Conditions.Loss > 0 && _random.NextDouble() < Conditions.Loss)
            return;
        Enqueue(datagram);
        if (Conditions.Duplication > 0 && _random.NextDouble() < Conditions.Duplication)
            Enqueue(datagram);
    }

    /// <summary>Runs everything that is due until the given time has passed.</summary>
    public void Run(TimeSpan duration)
    {
        var end = Clock.Now + duration;
        while (Step(end))
        {
        }
        Clock.AdvanceTo(end);
    }

    /// <summary>Runs until a condition holds; false when it did not within the given time.</summary>
    public bool RunUntil(Func<bool> condition, TimeSpan limit)
    {
        var end = Clock.Now + limit;
        while (!condition())
        {
            if (!Step(end))
            {
                Clock.AdvanceTo(end);
                return condition();
            }
        }
        return true;
    }

    bool Step(Instant end)
    {
        var next = _underWay.TryPeek(out _, out var priority) ? new Instant(priority.At) : (Instant?)null;
        SimDevice? waking = null;
        foreach (var device in _devices.Values)
        {
            if (device.NextDeadline is { } deadline && (next is null || deadline < next))
            {
                next = deadline;
                waking = device;
            }
        }
        if (next is not { } at || at > end)
            return false;
        Clock.AdvanceTo(at);
        if (waking is not null)
            waking.HandleTimeout();
        else
        {
            var datagram = _underWay.Dequeue();
            if (_devices.TryGetValue(datagram.To, out var receiver))
                receiver.Receive(datagram.Bytes.ToArray(), datagram.From);
        }
        return true;
    }

    void Enqueue(SimDatagram datagram)
    {
        var spread = Conditions.MaximumDelay - Conditions.MinimumDelay;
        var delay = Conditions.MinimumDelay + TimeSpan.FromTicks(spread > TimeSpan.Zero ? _random.NextInt64(spread.Ticks) : 0);
        _underWay.Enqueue(datagram, ((Clock.Now + delay).Ticks, _order++));
    }
}
