using System.Net;
using System.Threading.Channels;
using Mesh.Actors.Control;
using Mesh.Protocol.Control;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Actors.Control;

/// <summary>A wall clock that a test sets.</summary>
sealed class StepClock(WallTime now) : TimeProvider
{
    long _now = now.UnixMilliseconds;

    public WallTime Now
    {
        get => new(Volatile.Read(ref _now));
        set => Volatile.Write(ref _now, value.UnixMilliseconds);
    }

    public override DateTimeOffset GetUtcNow() => Now.ToDateTimeOffset();
}

/// <summary>Controllers that a test scripts: whoever attaches gets a stream that the test holds the other end of.</summary>
sealed class FakeTransport : IControlTransport
{
    readonly Channel<FakeStream> _attached = Channel.CreateUnbounded<FakeStream>();

    public CertificateLife Certificate { get; set; } = new(new WallTime(1_799_000_000_000), new WallTime(4_102_444_800_000));

    /// <summary>What an attempt at an address comes to; null: it succeeds.</summary>
    public Func<string, Exception?> Answer { get; set; } = _ => null;

    public List<string> Attempts { get; } = [];

    public int Renewals;

    public async Task<FakeStream> NextAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        return await _attached.Reader.ReadAsync(limit.Token);
    }

    public Task<IControlStream> AttachAsync(string address, AttachFrame attach, PinExpectation expected, CancellationToken cancel)
    {
        lock (Attempts)
            Attempts.Add(address);
        if (Answer(address) is { } failure)
            return Task.FromException<IControlStream>(failure);
        var stream = new FakeStream(address, attach);
        _attached.Writer.TryWrite(stream);
        return Task.FromResult<IControlStream>(stream);
    }

    /// <summary>What a controller makes of a new key.</summary>
    public Func<string, KeyRotationRequest, Task> Rotate { get; set; } = static (_, _) => Task.CompletedTask;

    public Task RotateKeyAsync(string address, KeyRotationRequest request, PinExpectation expected, CancellationToken cancel) => Rotate(address, request);

    public Task RenewCertificateAsync(string address, PinExpectation expected, CancellationToken cancel)
    {
        Interlocked.Increment(ref Renewals);
        return Task.CompletedTask;
    }
}

/// <summary>Both ends of one stream.</summary>
sealed class FakeStream(string address, AttachFrame attach) : IControlStream
{
    readonly Channel<DownFrame> _down = Channel.CreateUnbounded<DownFrame>();
    readonly Channel<UpFrame> _up = Channel.CreateUnbounded<UpFrame>();
    readonly Channel<UpFrame> _hints = Channel.CreateUnbounded<UpFrame>();

    public string Address { get; } = address;

    public AttachFrame Attach { get; } = attach;

    public void Send(DownFrame frame) => _down.Writer.TryWrite(frame);

    public void End() => _down.Writer.TryComplete();

    public void Break() => _down.Writer.TryComplete(new IOException("cut"));

    /// <summary>Gives the next line that came up; hints and others are kept apart, as they come when they like.</summary>
    public async Task<UpFrame> NextAsync(bool hints = false)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        return await (hints ? _hints : _up).Reader.ReadAsync(limit.Token);
    }

    public async Task<DownFrame?> ReadAsync(CancellationToken cancel)
    {
        try
        {
            return await _down.Reader.ReadAsync(cancel);
        }
        catch (ChannelClosedException closed) when (closed.InnerException is not null)
        {
            throw closed.InnerException;
        }
        catch (ChannelClosedException)
        {
            return null;
        }
    }

    public Task SendAsync(UpFrame frame, CancellationToken cancel)
    {
        (frame.Hint is null ? _up : _hints).Writer.TryWrite(frame);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _down.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }
}

/// <summary>Remembers what was put in force and kept.</summary>
sealed class FakeNode(MapTrust trust) : INetworkSink, INetworkMemory, IOwnEndpoints
{
    public event Action? Changed;

    public MapBody? InForce { get; private set; }

    public IReadOnlyDictionary<NodeId, IReadOnlyList<IPEndPoint>> Candidates { get; private set; } = new Dictionary<NodeId, IReadOnlyList<IPEndPoint>>();

    public MapTrust Trust { get; private set; } = trust;

    public IReadOnlyDictionary<NodeId, IReadOnlyList<string>> Endpoints { get; set; } = new Dictionary<NodeId, IReadOnlyList<string>>();

    public IReadOnlyList<IPEndPoint> Current { get; private set; } = [IPEndPoint.Parse("192.0.2.7:51820")];

    public IOException? ApplyFails { get; set; }

    public IOException? DiskFails { get; set; }

    /// <summary>What happened, in order.</summary>
    public List<string> Steps { get; } = [];

    public void Move(string endpoint)
    {
        Current = [IPEndPoint.Parse(endpoint)];
        Changed?.Invoke();
    }

    public Task ApplyAsync(MapBody? body, IReadOnlyDictionary<NodeId, IReadOnlyList<IPEndPoint>> endpoints)
    {
        if (ApplyFails is { } failure)
            return Task.FromException(failure);
        (InForce, Candidates) = (body, endpoints);
        Steps.Add("apply");
        return Task.CompletedTask;
    }

    public void Save(MapTrust trust)
    {
        Trust = trust;
        Steps.Add("save");
        if (DiskFails is { } failure)
            throw failure;
    }

    public void Save(IReadOnlyDictionary<NodeId, IReadOnlyList<string>> endpoints) => Endpoints = endpoints;
}
