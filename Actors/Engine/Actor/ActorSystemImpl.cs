using System.Collections.Concurrent;
using Mesh.Actors.Engine.Configuration;
using Mesh.Actors.Engine.Diagnostics;
using Mesh.Actors.Engine.Dispatch;
using Mesh.Actors.Engine.Event;

namespace Mesh.Actors.Engine.Actor;

/// <summary>The one kind of system there is.</summary>
sealed class ActorSystemImpl : ExtendedActorSystem
{
    readonly ConcurrentDictionary<Type, Lazy<object>> _extensions = new();
    readonly TaskCompletionSource _terminated = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly Stack<Action> _onTermination = new();
    readonly ActorPath _tempPath;
    readonly LocalActorRef _root;
    readonly LocalActorRef _user;
    readonly LocalActorRef _system;
    readonly CoordinatedShutdown _shutdown;
    long _lastTemp;

    public ActorSystemImpl(
        string name, Config config, Func<ActorSystemImpl, IScheduler>? schedulerFactory = null, Dispatcher? dispatcher = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (string.IsNullOrEmpty(name) || !char.IsAsciiLetterOrDigit(name[0])
            || !name.All(static symbol => char.IsAsciiLetterOrDigit(symbol) || symbol is '-' or '_'))
        {
            throw new ArgumentException(
                $"Invalid ActorSystem name [{name}]: it must hold only letters, digits, hyphens and underscores, "
                + "and start with a letter or a digit.",
                nameof(name));
        }
        Name = name;
        Settings = new Settings(config);
        EventStream = new EventStream();
        Dispatcher = dispatcher ?? ThreadPoolDispatcher.Instance;
        Census = new ActorCensus(this);

        var root = ActorPath.RootOf(name);
        DeadLettersRef = new DeadLetterActorRef(this, root.Child("deadLetters"));
        _tempPath = root.Child("temp");
        Log = Logging.GetLogger(this, this);
        if (Settings.StandardErrorLogLevel <= Event.LogLevel.ErrorLevel)
        {
            EventStream.Subscribe(
                new StandardErrorLogger(this, root.Child("standardError"), Settings.StandardErrorLogLevel), typeof(LogEvent));
        }
        var listener = new DeadLetterListener(
            this, root.Child("deadLetterListener"), Settings.LogDeadLetters, Settings.DebugUnhandledMessage);
        EventStream.Subscribe(listener, typeof(DeadLetter));
        EventStream.Subscribe(listener, typeof(UnhandledMessage));

        Wheel = new WheelScheduler(name, failure => Log.Error(failure, "A scheduled action failed."));
        Scheduler = schedulerFactory is null ? Wheel : schedulerFactory(this);

        var aboveRoot = new AboveRoot(this, root.Child("_above-root"));
        _root = new LocalActorRef(this, Props.Create<RootGuardian>((SupervisorStrategy?)null), root, aboveRoot);
        _user = _root.Cell.AddGuardian(new LocalActorRef(
            this, Props.Create<UserGuardian>((SupervisorStrategy?)null), root.Child("user", ActorCell.NextUid()), _root));
        _system = _root.Cell.AddGuardian(new LocalActorRef(
            this, Props.Create<SystemGuardian>((SupervisorStrategy?)null), root.Child("system", ActorCell.NextUid()), _root));
        _shutdown = new CoordinatedShutdown(this);
    }

    public override string Name { get; }

    public override Settings Settings { get; }

    public override IScheduler Scheduler { get; }

    /// <summary>What bounds asks, which time out by the clock on the wall whatever the scheduler is.</summary>
    public WheelScheduler Wheel { get; }

    public override EventStream EventStream { get; }

    public override IActorRef DeadLetters => DeadLettersRef;

    public DeadLetterActorRef DeadLettersRef { get; }

    public Dispatcher Dispatcher { get; }

    public ActorCensus Census { get; }

    public LocalActorRef Root => _root;

    public override ILoggingAdapter Log { get; }

    public override Task WhenTerminated => _terminated.Task;

    public CoordinatedShutdown Shutdown => _shutdown;

    public LocalActorRef Guardian => _user;

    public LocalActorRef SystemGuardian => _system;

    public ActorSystemImpl Start()
    {
        _root.Cell.Start();
        _user.Cell.Start();
        _system.Cell.Start();
        _root.Tell(new WatchGuardian(_system), ActorRefs.NoSender);
        _system.Tell(new WatchGuardian(_user), ActorRefs.NoSender);
        return this;
    }

    public ActorPath NextTempPath() => _tempPath.Child($"${Interlocked.Increment(ref _lastTemp)}", ActorCell.NextUid());

    public override IActorRef ActorOf(Props props, string? name = null) => _user.Cell.ActorOf(props, name);

    public override IActorRef SystemActorOf(Props props, string? name = null) => _system.Cell.ActorOf(props, name);

    public override void Stop(IActorRef actor)
    {
        ArgumentNullException.ThrowIfNull(actor);
        // By way of the parent, so that its own restart waits for this child too.
        var parent = ((IInternalActorRef)actor).Parent as LocalActorRef;
        if (parent is not null && !ReferenceEquals(parent, _root))
            parent.Cell.Stop(actor);
        else
            ((IInternalActorRef)actor).SendSystemMessage(new Dispatch.Terminate());
    }

    public override Task Terminate()
    {
        if (Settings.RunShutdownOnTerminate)
            _ = _shutdown.Run(CoordinatedShutdown.ActorSystemTerminateReason.Instance);
        else
            FinalTerminate();
        return WhenTerminated;
    }

    /// <summary>Stops all actors, those of the program first.</summary>
    public void FinalTerminate() => _user.Stop();

    public override void RegisterOnTermination(Action code)
    {
        ArgumentNullException.ThrowIfNull(code);
        lock (_onTermination)
        {
            if (_terminated.Task.IsCompleted)
                throw new InvalidOperationException("The actor system has ended.");
            _onTermination.Push(code);
        }
    }

    public override object RegisterExtension(IExtensionId extension)
    {
        ArgumentNullException.ThrowIfNull(extension);
        return _extensions.GetOrAdd(
            extension.ExtensionType,
            static (_, state) => new Lazy<object>(() => state.Extension.CreateExtension(state.System)),
            (Extension: extension, System: this)).Value;
    }

    public override object GetExtension(IExtensionId extensionId) => RegisterExtension(extensionId);

    public void OnRootTerminated()
    {
        // Callbacks are foreign code and may block.
        ThreadPool.UnsafeQueueUserWorkItem(static system => system.RunTerminationCallbacks(), this, preferLocal: false);
    }

    void RunTerminationCallbacks()
    {
        while (true)
        {
            Action code;
            lock (_onTermination)
            {
                if (!_onTermination.TryPop(out code!))
                {
                    (Scheduler as IDisposable)?.Dispose();
                    Wheel.Dispose();
                    _terminated.TrySetResult();
                    return;
                }
            }
            try
            {
                code();
            }
            catch (Exception failure)
            {
                Log.Error(failure, "A termination callback failed.");
            }
        }
    }
}
