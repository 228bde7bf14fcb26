using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Sessions;
using Mesh.Protocol;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Control;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Audit;

/// <summary>Asks whether a head that an attached node holds is in the chain; answered by <see cref="HeadCompared"/>, or not at all.</summary>
sealed record CompareHead(ControlStreamHandle Handle, string Name, AuditHead Held);

/// <summary>Brings the signed answer for the node.</summary>
sealed record HeadCompared(ControlStreamHandle Handle, AuditFrame Answer);

/// <summary>Is what the audit needs.</summary>
sealed record AuditServices(
    IJournalTail Journal, AuditTrail Trail, AuditDisputes Disputes, NetworkViewFeed Feed, IMapSigner Signer, IClock Clock);

/// <summary>
/// Compares the heads that nodes hold with the chain of this controller's journal, answers them, and notes who holds another history. What
/// the trail does not remember is computed from the journal, at most one at a time, once for many nodes, and for one node not more often than
/// every <see cref="Pause"/>. Supervises nothing. When it fails it is restarted; nodes ask again when they attach next.
/// </summary>
sealed class AuditActor : ReceiveActor
{
    /// <summary>How often one node may have something computed.</summary>
    static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    // An answer holds for every node with that head; what is behind the end of the chain changes no more.
    static readonly TimeSpan AnswerKept = TimeSpan.FromMinutes(1);
    static readonly TimeSpan CatchUp = TimeSpan.FromSeconds(10);

    // Where the trail begins in the middle: no further back than this is computed for one question.
    const int MostPages = 256;
    const int MostAnswers = 64;

    readonly AuditServices _services;
    readonly ILoggingAdapter _log = Context.GetLogger();

    // What waits, the newest question of each node; as many as nodes are attached.
    readonly Dictionary<NodeId, (CompareHead Question, IActorRef Asker)> _waiting = [];
    readonly Dictionary<NodeId, WallTime> _computedFor = [];
    readonly Dictionary<long, (AuditFrame Frame, AuditHead At, WallTime Issued)> _answers = [];
    bool _isComputing;

    public AuditActor(AuditServices services)
    {
        _services = services;
        Receive<CompareHead>(On);
        Receive<Computed>(On);
        Receive<NotComputed>(failed =>
        {
            _log.Warning("the head that a node holds at {0} was not compared: {1}", failed.Ordering, failed.Why);
            Drop(failed.Ordering);
            _isComputing = false;
            ComputeNext();
        });
    }

    void On(CompareHead question)
    {
        var (node, ordering) = (question.Handle.Node, question.Held.Ordering);
        var now = _services.Clock.Now;
        if (_answers.TryGetValue(ordering, out var known) && now - known.Issued < AnswerKept && now >= known.Issued)
        {
            Answer(question, Sender, known.Frame, known.At);
            return;
        }
        if (_services.Trail.Find(ordering) is { } head)
        {
            Answer(question, Sender, Sign(ordering, head), head);
            return;
        }
        if (_computedFor.TryGetValue(node, out var last) && (now - last).Duration() < Pause)
            return;
        _waiting[node] = (question, Sender);
        ComputeNext();
    }

    void ComputeNext()
    {
        if (_isComputing || _waiting.Count == 0)
            return;
        var now = _services.Clock.Now;
        foreach (var old in _computedFor.Where(pair => (now - pair.Value).Duration() >= Pause).Select(pair => pair.Key).ToList())
            _computedFor.Remove(old);
        var (node, (question, _)) = _waiting.First();
        _computedFor[node] = now;
        _isComputing = true;
        var ordering = question.Held.Ordering;
        ComputeAsync(ordering).PipeTo(
            Self, success: head => head is null ? new NotComputed(ordering, "the journal is not read up to there yet") : new Computed(ordering, head),
            failure: cause => new NotComputed(ordering, cause.Message));
    }

    async Task<AuditHead?> ComputeAsync(long ordering)
    {
        // A controller that is only behind must not be taken for one whose journal was rolled back.
        var highest = await _services.Journal.HighestOrderingAsync(CancellationToken.None);
        if (await _services.Feed.WaitAsync(view => view.Revision >= highest, CatchUp) is null)
            return null;
        var tip = _services.Trail.Tip;
        if (tip.Ordering <= ordering)
            return tip;
        if (_services.Trail.Find(ordering) is { } known)
            return known;
        var head = _services.Trail.Before(ordering);
        for (var page = 0; page < MostPages; page++)
        {
            var events = await _services.Journal.ReadAsync(head.Ordering, AuditTrail.Spacing, CancellationToken.None);
            foreach (var journaled in events)
            {
                if (journaled.Ordering > ordering)
                    return head;
                head = head.Append(journaled);
            }
            if (events.Count < AuditTrail.Spacing)
                return head;
        }
        return null;
    }

    void On(Computed computed)
    {
        var frame = Sign(computed.Ordering, computed.Head);
        foreach (var (question, asker) in _waiting.Values.Where(one => one.Question.Held.Ordering == computed.Ordering).ToList())
            Answer(question, asker, frame, computed.Head);
        Drop(computed.Ordering);
        _isComputing = false;
        ComputeNext();
    }

    void Drop(long ordering)
    {
        foreach (var node in _waiting.Where(pair => pair.Value.Question.Held.Ordering == ordering).Select(pair => pair.Key).ToList())
            _waiting.Remove(node);
    }

    AuditFrame Sign(long ordering, AuditHead at)
    {
        var now = _services.Clock.Now;
        var network = _services.Feed.Current.Network!.Id;
        var answer = new AuditAnswer(network, _services.Signer.Epoch, ordering, at, _services.Trail.Tip, now);
        var frame = new AuditFrame(
            _services.Signer.Sign(PayloadTypes.AuditAnswer, ProtocolJson.Encode(answer, ProtocolJson.Default.AuditAnswer)), _services.Signer.Delegation);
        // Behind the end of the chain an event may come that is at that ordering.
        if (_services.Trail.Tip.Ordering < ordering)
            return frame;
        if (_answers.Count >= MostAnswers)
            _answers.Clear();
        _answers[ordering] = (frame, at, now);
        return frame;
    }

    void Answer(CompareHead question, IActorRef asker, AuditFrame frame, AuditHead at)
    {
        var node = question.Handle.Node;
        if (at == question.Held)
            _services.Disputes.Settle(node);
        else if (_services.Disputes.Add(new DisputedHead(node, question.Name, question.Held, at, _services.Clock.Now)))
            _log.Error(
                "node {0} ({1}) holds the audit head {2}, the journal's chain there is {3}: the database was rolled back or changed", question.Name, node,
                question.Held, at);
        asker.Tell(new HeadCompared(question.Handle, frame));
    }

    sealed record Computed(long Ordering, AuditHead Head);

    sealed record NotComputed(long Ordering, string Why);
}
