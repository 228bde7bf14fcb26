using Mesh.Actors.Audit;
using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol.Control;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Sessions;

/// <summary>Is what the sessions need.</summary>
sealed record SessionServices(
    NetworkViewFeed Feed, IMapSigner Signer, IClock Clock, IPresence Presence, ControllerOptions Options, IActorRef Nodes, IEntropy Entropy,
    AttachedGauge Attached, IActorRef? LastSeen)
{
    /// <summary>Gets who decides on keys.</summary>
    public required IActorRef Singletons { get; init; }

    /// <summary>Gets who compares the heads that nodes show.</summary>
    public required IActorRef Audit { get; init; }

    /// <summary>Gets the streams that wait to be taken up.</summary>
    public required Arrivals Arrivals { get; init; }
}

/// <summary>
/// Supervises one <see cref="SessionActor"/> per open stream and knows what each attached node has: at an attach it settles the
/// difference, at a commit it signs once for all attached nodes that the change concerns and sends each its part, once an hour it
/// renews. It carries hints between peers and counts acknowledgements. A failed session is stopped, which closes its stream; when
/// this actor itself restarts, every stream closes and the nodes attach anew. Nothing that was acknowledged is lost.
/// </summary>
sealed partial class SessionsActor : ReceiveActor, IWithTimers
{
    // How often within a renewal interval it is looked who is due.
    const int RenewalTicks = 60;

    readonly SessionServices _services;
    readonly ILoggingAdapter _log = Context.GetLogger();
    readonly Dictionary<NodeId, Attachment> _attachments = [];
    readonly Dictionary<IActorRef, NodeId> _byRef = [];
    NetworkView _view;
    bool _isClosing;

    public SessionsActor(SessionServices services)
    {
        _services = services;
        _view = services.Feed.Current;
        Receive<OpenStream>(On);
        Receive<StreamReceived>(received =>
        {
            if (Current(received.Handle) is { } attachment)
                attachment.Session.Tell(received);
        });
        Receive<StreamEnded>(ended =>
        {
            if (Current(ended.Handle) is { } attachment)
                Context.Stop(attachment.Session);
        });
        Receive<Terminated>(On);
        Receive<StreamDrained>(drained =>
        {
            if (Current(drained.Handle) is { IsReady: true, IsBehind: true } attachment)
                CatchUp(attachment);
        });
        Receive<NodeAttached>(attached =>
        {
            ShowHead(attached);
            On(attached);
        });
        Receive<NodeAcknowledged>(On);
        Receive<NodeRefused>(On);
        Receive<NodeMoved>(On);
        Receive<ViewCommitted>(On);
        Receive<SignFullMap>(On);
        Receive<HeadCompared>(On);
        // Answers to what a node announced: where it could not be written, the node announces it again when it attaches next.
        Receive<Accepted>(_ => { });
        Receive<Refusal>(refusal => _log.Warning("what a node announced is not recorded: {0}", refusal.Message));
        Receive<AwaitCut>(On);
        Receive<CutOverdue>(On);
        Receive<CatchUpOverdue>(On);
        Receive<AwaitTold>(On);
        Receive<ToldOverdue>(On);
        Receive<CertificateOver>(On);
        Receive<RenewalTick>(_ =>
        {
            Renew();
            ForgetInstances();
        });
        ReceiveElsewhere();
        Receive<CloseAll>(close =>
        {
            // No node goes offline by that: it only goes elsewhere.
            _isClosing = true;
            foreach (var attachment in _attachments.Values)
                attachment.Session.Tell(new EndStream(close.Reason));
            Sender.Tell(Accepted.Instance);
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    IClock Clock => _services.Clock;

    protected override void PreStart()
    {
        var tick = _services.Options.RenewalInterval / RenewalTicks;
        Timers.StartPeriodicTimer("renew", new RenewalTick(), tick, tick);
        StartElsewhere();
    }

    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(cause =>
    {
        _log.Error(cause, "a session failed");
        return Directive.Stop;
    });

    void On(OpenStream open)
    {
        _services.Arrivals.Remove(open.Handle.Node);
        if (_view.Network is not { } network || _view.Nodes.GetValueOrDefault(open.Handle.Node) is not { } node)
        {
            TurnAway("unknown");
            return;
        }
        if (IsWithdrawn(open.Handle.Issuer))
        {
            TurnAway("certificate");
            return;
        }
        if (_attachments.TryGetValue(node.Id, out var former))
        {
            // Its presence stays as it is: the node only changes streams.
            if (former.Body is { } body)
                _lastBodies.Add(node.Id, body);
            former.Session.Tell(new EndStream(Replacing(former.Handle, open.Handle)));
            ForgetAhead(former.Handle);
            _byRef.Remove(former.Session);
            Context.Unwatch(former.Session);
        }
        var session = Context.ActorOf(
            Props.Create(() => new SessionActor(
                open.Handle, open.Stream, network, node, _services.Clock, _services.Presence, _services.Options)),
            $"{node.Id}-{open.Handle.Number}");
        Context.Watch(session);
        _byRef[session] = node.Id;
        _attachments[node.Id] = new Attachment(open.Handle, open.Stream, session);

        void TurnAway(string reason)
        {
            open.Stream.Close(reason);
            // Its last stream may have ended while this one was waiting.
            if (!_attachments.ContainsKey(open.Handle.Node))
                LeaveUnlessArriving(open.Handle.Node);
        }
    }

    void On(Terminated terminated)
    {
        if (!_byRef.Remove(terminated.ActorRef, out var node) || !_attachments.Remove(node, out var attachment))
            return;
        OnGone(node, attachment.Handle);
        if (attachment.Body is { } body)
            _lastBodies.Add(node, body);
        LeaveUnlessArriving(node);
        CompleteCuts();
    }

    // Who has its next stream already has not gone.
    void LeaveUnlessArriving(NodeId node)
    {
        if (!_services.Arrivals.Contains(node))
            Depart(node);
    }

    // The attachment that a handle stands for, unless another stream took its place.
    Attachment? Current(ControlStreamHandle handle) =>
        _attachments.TryGetValue(handle.Node, out var attachment) && ReferenceEquals(attachment.Handle, handle) ? attachment : null;

    bool IsAttached(NodeId node) => _attachments.TryGetValue(node, out var attachment) && attachment.IsReady;

    sealed class Attachment(ControlStreamHandle handle, IControlStream stream, IActorRef session)
    {
        public ControlStreamHandle Handle => handle;

        public IControlStream Stream => stream;

        public IActorRef Session => session;

        // The attach was answered: the node is told of every change from there on.
        public bool IsReady { get; set; }

        // The last body that its stream took, where it was computed here, and that body's hash and revision in any case.
        public EncodedBody? Body { get; set; }

        public Digest256 BodyHash { get; set; }

        public long Revision { get; set; }

        public WallTime LastMap { get; set; }

        public WallTime? LastFull { get; set; }

        // Its stream is full: it gets nothing more until that is read, and then what it missed at once.
        public bool IsBehind { get; set; }

        public bool MissedMap { get; set; }

        public HashSet<NodeId> MissedHints { get; } = [];
    }

    sealed record RenewalTick;

    sealed record CutOverdue(NodeId Node, IActorRef Asker);
}
