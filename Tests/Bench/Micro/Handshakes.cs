using System.Collections.Frozen;
using System.Net;
using BenchmarkDotNet.Attributes;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;
using Mesh.Tests.Kit.Network;

namespace Mesh.Bench.Micro;

/// <summary>Both halves of a handshake, and the gate before it.</summary>
public class Handshake
{
    static readonly EndpointAddress Source = EndpointAddress.From(new IPEndPoint(IPAddress.Parse("192.0.2.1"), 51820));
    static readonly WallTime Wall = new(1_800_000_000_000);

    readonly SeededEntropy _entropy = new(1);
    readonly byte[] _initiation = new byte[HandshakeInitiation.Size];
    readonly byte[] _buffer = new byte[TunnelMessage.MaximumHandshakeSize];
    readonly Instant _now = new(TimeSpan.TicksPerHour);
    SessionIndexTable<string> _indexes = null!;
    X25519 _initiator = null!, _responder = null!;
    InitiationGate _idle = null!, _loaded = null!;
    InitiationOpener _opener = null!;
    FrozenSet<TunnelPublicKey> _peers = null!;

    [GlobalSetup]
    public void Setup()
    {
        using TunnelPrivateKey a = new(_entropy), b = new(_entropy);
        (_initiator, _responder) = (new X25519(a), new X25519(b));
        _indexes = new SessionIndexTable<string>(_entropy);
        (_idle, _loaded) = (new InitiationGate(_responder.PublicKey, _entropy), new InitiationGate(_responder.PublicKey, _entropy));
        _loaded.ReportBacklog(TunnelTuning.LoadBacklog, _now);
        _opener = new InitiationOpener(_responder);
        _peers = FrozenSet.ToFrozenSet([_initiator.PublicKey]);
        Initiate().CopyTo(_initiation);
    }

    /// <summary>Makes the first message.</summary>
    [Benchmark]
    public int Initiator() => Initiate().Length;

    /// <summary>Opens the first message, makes the answer and the session.</summary>
    [Benchmark]
    public int Responder()
    {
        if (!_opener.TryOpen(_initiation, _peers, out var initiation, out var reason))
            throw new InvalidOperationException($"{reason}");
        PeerMachine machine = new(new PeerOptions { DeviceKey = _responder, Peer = _initiator.PublicKey }, new PeerContinuity(), _indexes.For("a"), _entropy, _now);
        var drop = machine.HandleInitiation(initiation, Source, _now);
        if (drop != DropReason.None || !machine.TryTakeTransmit(_buffer, _now, Wall, out var answer))
            throw new InvalidOperationException($"{drop}");
        machine.Shutdown();
        return answer.Length;
    }

    /// <summary>Checks mac1 of a message, without load.</summary>
    [Benchmark]
    public GateAction Gate() => Must(_idle.Examine(_initiation, Source, _buffer, _now), GateAction.Accept);

    /// <summary>Checks mac1 of a message and seals a cookie, under load.</summary>
    [Benchmark]
    public GateAction GateUnderLoad() => Must(_loaded.Examine(_initiation, Source, _buffer, _now), GateAction.Reply);

    ReadOnlySpan<byte> Initiate()
    {
        PeerMachine machine = new(new PeerOptions { DeviceKey = _initiator, Peer = _responder.PublicKey, Endpoint = Source }, new PeerContinuity(), _indexes.For("b"), _entropy, _now);
        machine.StartHandshake(_now);
        if (!machine.TryTakeTransmit(_buffer, _now, Wall, out var made))
            throw new InvalidOperationException("no initiation");
        machine.Shutdown();
        return _buffer.AsSpan(0, made.Length);
    }

    static GateAction Must(GateVerdict verdict, GateAction wanted) =>
        verdict.Action == wanted ? wanted : throw new InvalidOperationException($"{verdict}");
}
