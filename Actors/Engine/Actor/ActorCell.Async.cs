using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Actors.Engine.Actor;

sealed partial class ActorCell
{
    AsyncState? _async;

    /// <summary>True while a task of this actor is running; user messages wait for it.</summary>
    public bool IsRunningTask => _async is { Running: > 0 };

    /// <summary>How often user messages are suspended for a failure, here or above; an asynchronous handler suspends them too.</summary>
    int SuspensionsByFailure => Mailbox.Suspensions - (_async?.Running ?? 0);

    /// <summary>Runs a handler whose continuations come back to this cell; user messages wait until its task ends.</summary>
    public void RunAsync<T>(Func<T, Task> action, T argument)
    {
        var state = _async ??= new AsyncState(new ActorTaskScheduler(this));
        state.Message = CurrentMessage;
        state.Sender = _sender;
        state.Running++;
        Mailbox.SuspendMessages();

        var task = Task.Factory.StartNew(
            () => action(argument), CancellationToken.None, TaskCreationOptions.None, state.Scheduler).Unwrap();
        if (task.IsCompleted)
            CompleteTask(task);
        else
            task.ContinueWith(CompleteTask, CancellationToken.None, TaskContinuationOptions.None, state.Scheduler);
    }

    void RunContinuation(RunScheduledTask continuation)
    {
        var (messageBefore, senderBefore, hadFailed) = (CurrentMessage, _sender, _failedBy is not null);
        if (_async is { Running: > 0 } state)
        {
            CurrentMessage = state.Message;
            _sender = state.Sender;
        }
        continuation.Scheduler.Run(continuation.Task);
        if (hadFailed)
            // By way of a child, while the handler waited: that stays what the supervisor decides on.
            (CurrentMessage, _sender) = (messageBefore, senderBefore);
        else if (_failedBy is null)
            CurrentMessage = null;
    }

    void CompleteTask(Task task)
    {
        var state = _async!;
        state.Running--;
        Mailbox.ResumeMessages();
        var cause = task.Status switch
        {
            TaskStatus.Faulted when task.Exception!.InnerExceptions.Count == 1 => task.Exception.InnerException,
            TaskStatus.Faulted => task.Exception,
            TaskStatus.Canceled => new TaskCanceledException(task),
            _ => null,
        };
        if (cause is not null)
        {
            CurrentMessage = state.Message;
            HandleInvokeFailure(cause, null);
        }
        if (state.Running > 0)
            return;
        var influences = state.Message is not INotInfluenceReceiveTimeout;
        state.Message = null;
        state.Sender = null;
        RearmReceiveTimeout(influences);
    }

    sealed class AsyncState(ActorTaskScheduler scheduler)
    {
        public ActorTaskScheduler Scheduler { get; } = scheduler;

        public int Running { get; set; }

        public object? Message { get; set; }

        public IActorRef? Sender { get; set; }
    }
}
