namespace Mesh.Tests.Engine.Model;

/// <summary>One actor of the model: its two queues and its turn.</summary>
sealed partial class ReferenceActor(ReferenceModel world, int number, string name, ReferenceActor? parent, ActorSpec spec)
{
    const int MessagesInTurn = 30;

    readonly List<(object Message, int Sender)> _messages = [];
    readonly List<Notice> _notices = [];

    /// <summary>Notices that were looked at too early, in their order.</summary>
    readonly List<Notice> _putOff = [];

    /// <summary>How often messages were suspended and not resumed, an asynchronous handler that waits included.</summary>
    int _suspended;

    public int Number { get; } = number;

    public string Name { get; } = name;

    public string Path { get; } = parent is null ? $"/{name}" : $"{parent.Path}/{name}";

    public int Depth { get; } = parent is null ? 0 : parent.Depth + 1;

    public ReferenceActor? Parent { get; } = parent;

    public ActorSpec Spec { get; } = spec;

    public ReferenceModel World { get; } = world;

    public bool IsDead { get; private set; }

    public bool IsRunnable => !IsDead && (_notices.Count > 0 || (!IsSuspended && _messages.Count > 0));

    /// <summary>True if it is alive and will not go on although nothing is left to happen.</summary>
    public bool IsStuck => !IsDead && (_suspended > 0 || _messages.Count > 0 || _putOff.Count > 0 || _hasFailed);

    bool IsSuspended => _suspended > (World.Breaks(Mutation.WaitingActorsGoOn) && _waiting is not null ? 1 : 0);

    public void Send(Notice notice)
    {
        if (!IsDead)
            _notices.Add(notice);
        else if (notice is WatchNotice watch && !World.Breaks(Mutation.DeadAnswerNoWatch))
            watch.Watcher.Send(new EndedNotice(this, false));
    }

    public void Receive(object message, int sender)
    {
        if (IsDead && _messages.Count == 0)
            World.DeadLetter(message, sender, Number);
        else if (message is Signal.Pill && World.Breaks(Mutation.PillOvertakes))
            _messages.Insert(0, (message, sender));
        else
            _messages.Add((message, sender));
    }

    public void RunTurn()
    {
        HandleNotices();
        var room = World.Breaks(Mutation.TurnIsOneLonger) ? MessagesInTurn + 1 : MessagesInTurn;
        while (room > 0 && !IsDead && !IsSuspended && _messages.Count > 0)
        {
            room--;
            var (message, sender) = _messages[0];
            _messages.RemoveAt(0);
            Handle(message, sender);
            if (!World.Breaks(Mutation.NoticesWaitForTurn))
                HandleNotices();
        }
        HandleNotices();
    }

    /// <summary>Handles notices in order; one that was put off comes first as soon as it may.</summary>
    void HandleNotices()
    {
        while (!IsDead)
        {
            var ready = _putOff.Find(notice => !MustWait(notice));
            if (ready is not null)
            {
                _putOff.Remove(ready);
            }
            else if (_notices.Count > 0)
            {
                ready = _notices[0];
                _notices.RemoveAt(0);
                if (MustWait(ready))
                {
                    _putOff.Add(ready);
                    continue;
                }
            }
            else
            {
                return;
            }

            try
            {
                Handle(ready);
            }
            catch (ReferenceFailure failure)
            {
                Fail(failure);
            }
        }
    }

    /// <summary>
    /// While a start or a restart waits for children, what concerns supervision waits with it. While the actor is suspended, failures of
    /// its children wait; an asynchronous handler of its own does not count as that.
    /// </summary>
    bool MustWait(Notice notice)
    {
        if (_phase is Phase.BeforeCreation or Phase.BeforeRestart)
            return notice is SuspendNotice or ResumeNotice or RestartNotice or FailedNotice;
        return notice is FailedNotice && _suspended > (_waiting is null ? 0 : 1);
    }

    void Handle(Notice notice)
    {
        switch (notice)
        {
            case CreateNotice:
                Create();
                break;
            case SuspendNotice:
                Suspend();
                break;
            case ResumeNotice resume:
                Resume(resume.OwnFailure);
                break;
            case RestartNotice restart:
                Restart(restart.Cause);
                break;
            case StopNotice:
                Stop();
                break;
            case WatchNotice watch:
                if (!_watchers.Contains(watch.Watcher))
                    _watchers.Add(watch.Watcher);
                break;
            case UnwatchNotice unwatch:
                _watchers.Remove(unwatch.Watcher);
                break;
            case FailedNotice failed:
                DecideOn(failed);
                break;
            case EndedNotice ended:
                LearnOfEnd(ended.Actor, ended.Confirmed);
                break;
            case GoOnNotice goOn:
                GoOn(goOn.Thrown);
                break;
            default:
                throw new NotSupportedException($"{notice}");
        }
    }
}
