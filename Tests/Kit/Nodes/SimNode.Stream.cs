using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Text.Json;
using Mesh.Protocol;
using Mesh.Protocol.Control;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Kit.Nodes;

// Attaches, takes lines in, answers, and attaches again.
public sealed partial class SimNode
{
    // Where no controller answered in a whole round, each is given longer.
    const int MaximumPatience = 2;

    CancellationTokenSource? _stop;
    Task? _running;
    CancellationTokenSource? _cut;
    TaskCompletionSource? _paused;
    TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    SimNodeCounters _counters;
    WallTime _lastHint;
    string _doing = "not started";
    long _doingSince = Stopwatch.GetTimestamp();
    string? _lastReason;
    string _tried = "";

    /// <summary>Gets the address of the controller whose stream is open; null: none.</summary>
    public string? Controller { get; private set; }

    /// <summary>Gets whether a stream is open.</summary>
    public bool IsAttached => Controller is not null;

    /// <summary>Gets the newest revision taken in; 0 before it enrolled.</summary>
    public long Revision => _trust?.Revision ?? 0;

    /// <summary>Gets why it was removed; null while it belongs to the network.</summary>
    public string? Removed => _trust?.Removed;

    /// <summary>Gets what it received.</summary>
    public SimNodeCounters Counters
    {
        get
        {
            lock (_gate)
                return _counters;
        }
    }

    /// <summary>Describes in one line what it is doing, since when, and how its last attempt ended: for whoever looks for a node that is missing.</summary>
    public string Describe()
    {
        lock (_gate)
        {
            var loop = _running switch
            {
                null => "stopped",
                { IsFaulted: true } broken => $"broken by {broken.Exception.InnerException}",
                { IsCompleted: true } => "ended",
                _ => "running",
            };
            return $"{Hostname} ({Id}): {loop}, {_doing} for {Stopwatch.GetElapsedTime(_doingSince).TotalSeconds:0.0} s, revision {Revision}, "
                + $"{_counters.Attaches} attaches, removed: {Removed ?? "no"}, last: {_lastReason ?? "nothing"}";
        }
    }

    /// <summary>Attaches, and from then on comes back by itself, until it is stopped or removed.</summary>
    public void Start()
    {
        _ = Trust;
        _stop = new CancellationTokenSource();
        _running = Task.Run(() => RunAsync(_stop.Token));
    }

    /// <summary>Ends the stream as a machine that is switched off, and stays away; <see cref="Start"/> brings it back.</summary>
    public async Task StopAsync()
    {
        if (_running is not { } running)
            return;
        ReadOn();
        await _stop!.CancelAsync();
        await running;
        _running = null;
    }

    /// <summary>Cuts the connection; the node comes back by itself.</summary>
    public void Cut()
    {
        lock (_gate)
            _cut?.Cancel();
    }

    /// <summary>Stops reading, as a machine that hangs: what the controller sends stays where it is.</summary>
    public void StopReading()
    {
        lock (_gate)
            _paused ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Reads again.</summary>
    public void ReadOn()
    {
        lock (_gate)
        {
            _paused?.TrySetResult();
            _paused = null;
        }
    }

    /// <summary>Waits until it is as the condition says.</summary>
    /// <exception cref="TimeoutException">It is not, within the limit.</exception>
    public async Task WaitAsync(Func<SimNode, bool> condition, TimeSpan atMost)
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            Task changed;
            lock (_gate)
                changed = _changed.Task;
            if (condition(this))
                return;
            var rest = atMost - Stopwatch.GetElapsedTime(began);
            if (rest <= TimeSpan.Zero)
                throw new TimeoutException($"{Hostname} is not as wanted after {atMost.TotalSeconds:0.#} s: attached to {Controller ?? "nothing"}, revision {Revision}");
            await Task.WhenAny(changed, Task.Delay(rest));
        }
    }

    async Task RunAsync(CancellationToken stop)
    {
        var pause = _options.FirstPause;
        var (failures, rounds) = (0, 0);
        while (!stop.IsCancellationRequested && Removed is null)
        {
            var addresses = Addresses;
            // Who lost a controller, or was refused, does not go there first.
            var address = _tried = addresses[(addresses.IndexOf(_tried) + 1) % addresses.Count];
            var (worked, reason) = await AttachAsync(address, _options.AttachTimeout * (1 << Math.Min(rounds, MaximumPatience)), stop);
            Do("between attempts", reason);
            if (stop.IsCancellationRequested || Removed is not null)
                return;
            Tell(worked ? SimNodeEventKind.Lost : SimNodeEventKind.AttachFailed, address, detail: reason);
            if (worked)
                (pause, failures, rounds) = (_options.FirstPause, 0, 0);
            else
            {
                // Another controller is tried at once; only a round without success is followed by a pause.
                if (++failures % addresses.Count != 0)
                    continue;
                rounds++;
            }
            if (!await PauseAsync(pause * (1 - Random.Shared.NextDouble() / 2), stop))
                return;
            if (!worked)
                pause = pause * 2 < _options.LongestPause ? pause * 2 : _options.LongestPause;
        }
    }

    static async Task<bool> PauseAsync(TimeSpan pause, CancellationToken stop)
    {
        try
        {
            await Task.Delay(pause, stop);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    // Whether a stream was open at all, and why it no longer is.
    async Task<(bool Worked, string Reason)> AttachAsync(string address, TimeSpan atMost, CancellationToken stop)
    {
        using var cut = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var connection = SimConnection.To(address, _rootHash, _certificate, Expectation, _options);
        var trust = _trust = Trust with { Audit = Trust.Audit?.Attach() };
        using var up = new SimUpstream(new UpFrame(Attach: new AttachFrame(
            "sim", "linux", Hostname, trust.Epoch, trust.Revision, _bodyHash, _options.Suites, _options.VerifiesMaps ? trust.Audit?.Held : null)));
        HttpResponseMessage? response = null;
        try
        {
            cut.CancelAfter(atMost);
            Do($"attaching to {address}");
            response = await connection.SendAsync("/v1/stream", up, cut.Token);
            cut.CancelAfter(Timeout.InfiniteTimeSpan);
            lock (_gate)
            {
                _cut = cut;
                Controller = address;
                _counters = _counters with { Attaches = _counters.Attaches + 1 };
            }
            Do($"attached to {address}");
            Tell(SimNodeEventKind.Attached, address);
            // A tick may still be under way when the source is gone.
            var over = cut.Token;
            _ = SendHintAsync(up, over);
            // Those that came back together do not speak together from then on.
            using var hints = _options.HintInterval is { } interval
                ? new Timer(_ => _ = SendHintAsync(up, over), null, interval * Random.Shared.NextDouble(), interval)
                : null;
            return (true, await ReadAsync(address, response, up, over));
        }
        catch (SimNodeRefusedException refused)
        {
            return (false, refused.Problem.Code);
        }
        catch (Exception failure) when (failure is IOException or HttpRequestException or InvalidOperationException or OperationCanceledException)
        {
            return (Controller is not null, failure is OperationCanceledException ? "cut or no answer" : failure.Message);
        }
        finally
        {
            lock (_gate)
            {
                _cut = null;
                Controller = null;
            }
            response?.Dispose();
        }
    }

    async Task<string> ReadAsync(string address, HttpResponseMessage response, SimUpstream up, CancellationToken cancel)
    {
        // Idle nodes hold no buffer: there are thousands of them.
        var down = PipeReader.Create(
            await response.Content.ReadAsStreamAsync(cancel), new StreamPipeReaderOptions(bufferSize: 16 << 10, useZeroByteReads: true));
        try
        {
            while (true)
            {
                if (_paused is { } paused)
                    await paused.Task.WaitAsync(cancel);
                var read = await down.ReadAsync(cancel);
                var rest = read.Buffer;
                while (rest.PositionOf((byte)'\n') is { } end)
                {
                    var line = rest.Slice(0, end);
                    rest = rest.Slice(rest.GetPosition(1, end));
                    if (await TakeAsync(address, line, up, cancel) is { } over)
                        return over;
                }
                down.AdvanceTo(rest.Start, read.Buffer.End);
                if (read.IsCompleted)
                    return "the controller ended the stream";
            }
        }
        finally
        {
            await down.CompleteAsync();
        }
    }

    // Takes a line in; why the stream is over after it, or null.
    async Task<string?> TakeAsync(string address, ReadOnlySequence<byte> line, SimUpstream up, CancellationToken cancel)
    {
        var length = (int)line.Length + 1;
        var frame = Parse(line);
        lock (_gate)
        {
            _counters = _counters with
            {
                Bytes = _counters.Bytes + length,
                MapBytes = _counters.MapBytes + (frame.Map is null ? 0 : length),
                Maps = _counters.Maps + (frame.Map is null ? 0 : 1),
                Hints = _counters.Hints + (frame.Hint is null ? 0 : 1) + (frame.Hints?.Count ?? 0),
            };
        }
        if (frame.Map is { } map)
            return await TakeAsync(address, map, length, up, cancel);
        if (frame.Audit is { } answer)
        {
            Trust.TryHear(answer, Now, out var heard);
            _trust = heard;
        }
        if (frame.Ping is { } number)
            await up.SendAsync(new UpFrame(Pong: number), cancel);
        if (_options.Watch is not null)
        {
            Hear(address, frame.Hint);
            foreach (var hint in frame.Hints ?? [])
                Hear(address, hint);
        }
        return frame.Close is { } reason ? reason : null;
    }

    void Hear(string address, DsseEnvelope? hint)
    {
        if (hint is { PayloadType: PayloadTypes.PresenceHint } && ProtocolJson.TryDecode(hint.Payload, ProtocolJson.Default.PresenceHint, out var presence))
            _options.Watch!(new SimNodeEvent(
                this, SimNodeEventKind.PeerPresence, Now, Stopwatch.GetTimestamp(), address, Peer: presence.Node, Online: presence.Online, Issued: presence.Issued));
    }

    async Task<string?> TakeAsync(string address, MapFrame map, int length, SimUpstream up, CancellationToken cancel)
    {
        var (refusal, kind) = _options.VerifiesMaps ? Verify(map) : Glance(map);
        if (refusal != TrustRefusal.None)
        {
            Tell(SimNodeEventKind.MapRefused, address, length, refusal.ToString());
            await up.SendAsync(new UpFrame(Refused: refusal.ToString()), cancel);
            return refusal == TrustRefusal.WrongBase ? "the map does not follow from the one this node has" : null;
        }
        Tell(kind == "removal" ? SimNodeEventKind.Removed : SimNodeEventKind.MapTaken, address, length, kind == "removal" ? Removed : kind);
        if (kind == "removal")
            return "removed";
        await up.SendAsync(new UpFrame(Ack: new AckFrame(Trust.Epoch, Trust.Revision, _bodyHash!.Value)), cancel);
        Tell(SimNodeEventKind.Acknowledged, address, length);
        return null;
    }

    (TrustRefusal Refusal, string Kind) Verify(MapFrame map)
    {
        var before = Trust;
        var refusal = before.TryAccept(map, Now, out var next);
        if (refusal != TrustRefusal.None)
            return (refusal, "");
        _trust = next;
        if (next.Removed is not null)
            return (refusal, "removal");
        if (ReferenceEquals(before.Body, next.Body))
            return (refusal, "renewal");
        var glance = MapGlance.At(map);
        _bodyHash = MapChange.Hash(next.Body!);
        return (refusal, glance.Kind);
    }

    (TrustRefusal Refusal, string Kind) Glance(MapFrame map)
    {
        var trust = Trust;
        var glance = MapGlance.At(map);
        if (glance.Epoch == trust.Epoch && glance.Revision < trust.Revision)
            return (TrustRefusal.OlderRevision, "");
        if (glance.Base is { } from && from != _bodyHash || glance.Kind == "renewal" && glance.BodyHash != _bodyHash)
            return (TrustRefusal.WrongBase, "");
        _trust = trust with { Epoch = glance.Epoch, Revision = glance.Revision, Removed = glance.Kind == "removal" ? glance.Kind : null };
        if (glance.Kind != "removal")
            _bodyHash = glance.BodyHash;
        return (TrustRefusal.None, glance.Kind);
    }

    async Task SendHintAsync(SimUpstream up, CancellationToken cancel)
    {
        // Peers keep the newest: two hints of one millisecond would be told apart by nobody.
        var issued = Now > _lastHint ? Now : _lastHint + TimeSpan.FromMilliseconds(1);
        _lastHint = issued;
        var hint = new EndpointHint(Trust.Network, Id, ["192.0.2.1:51820"], issued, issued + TimeSpan.FromSeconds(120));
        try
        {
            await up.SendAsync(
                new UpFrame(Hint: DsseEnvelope.Sign(
                    PayloadTypes.EndpointHint, ProtocolJson.Encode(hint, ProtocolJson.Default.EndpointHint), _signingKey, Id.ToString())),
                cancel);
        }
        catch (Exception broken) when (broken is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Whoever reads the stream sees that it is over, and says why.
            _ = broken;
        }
    }

    void Do(string what, string? ended = null)
    {
        lock (_gate)
            (_doing, _doingSince, _lastReason) = (what, Stopwatch.GetTimestamp(), ended ?? _lastReason);
    }

    void Tell(SimNodeEventKind kind, string address, int length = 0, string? detail = null)
    {
        _options.Watch?.Invoke(new SimNodeEvent(
            this, kind, Now, Stopwatch.GetTimestamp(), address, _trust?.Epoch ?? 0, _trust?.Revision ?? 0, length, Detail: detail));
        lock (_gate)
        {
            _changed.TrySetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    static DownFrame Parse(ReadOnlySequence<byte> line)
    {
        if (line.IsEmpty)
            return new DownFrame();
        var reader = new Utf8JsonReader(line);
        try
        {
            return JsonSerializer.Deserialize(ref reader, ProtocolJson.Default.DownFrame) ?? throw new IOException("an empty line came down");
        }
        catch (JsonException failure)
        {
            throw new IOException("a line that cannot be read came down", failure);
        }
    }
}
