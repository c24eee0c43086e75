//! Every public type can cross threads and outlive its maker.

use humanapi_core::auth::{IssueAccessToken, IssueClientToken, IssueIdToken, IssueSessionToken};
use humanapi_core::connect::{
    AuthCode, Callback, CallbackError, ConnectEvent, ConnectReport, ConnectStatus, ConnectedSource,
    DataAttributes, Launch, LaunchUrl, Location, Mode, ProviderRequest, ReportError,
};
use humanapi_core::data::application::{AppKey, Batch, CreateUser, DeleteUser, ReadUser};
use humanapi_core::data::{
    Activity, ActivitySummary, ById, Comparator, DailyForm, Date, Field, FieldKind, HealthSummary,
    Json, Latest, ListActivities, ListGenotypes, ListRecords, Number, OnDay, Operation, Profile,
    Quantity, ReadHealthSummary, ReadProfile, ReadRecord, Record, Route, TextOr, TimeSeries,
    TimeZoneName, Weight,
};
use humanapi_core::flow::{Authorized, Call, ConnectGrant, ConnectTokenFlow, SelfServed};
use humanapi_core::rules::{Decision, Prediction, Provisioning, Purpose, Refusal};
use humanapi_core::{
    AccessToken, ApiError, ApiErrorKind, Authorization, BaseUrl, Bearer, Body, BuildError,
    ClientId, ClientToken, ClientUserId, ConnectToken, Credentials, CredentialsError, DecodeError,
    Drift, EmptyUserId, ErrorCode, Expiry, FlowError, Generation, Host, HostError, Hosts, HumanId,
    IdToken, Input, Issued, KnownStatus, Leeway, ListEnd, Now, Page, RawAnswer, RawCall,
    RefreshToken, Replay, Request, RequestId, Response, ResponseError, RetryAfter, RetryPolicy,
    SecretBuffer, SendFailure, SendFailureKind, SessionToken, Step, TokenKey, TokenKind,
    TokenRefusal, UrlPath, UserEvent, UserStatus, Validation,
};
use static_assertions::assert_impl_all;

macro_rules! check {
    ($($kind:ty),+ $(,)?) => {
        $(assert_impl_all!($kind: Send, Sync, std::fmt::Debug);)+
        $(assert_static::<$kind>();)+
    };
}

const fn assert_static<T: 'static>() {}

#[test]
fn values_errors_endpoints_and_flows_cross_threads() {
    check!(
        // tokens and credentials
        AccessToken,
        ClientToken,
        ConnectToken,
        IdToken,
        RefreshToken,
        SecretBuffer,
        SessionToken,
        UrlPath,
        Issued<SessionToken>,
        Issued<AccessToken>,
        Bearer,
        ClientId,
        Credentials,
        Expiry,
        Generation,
        Leeway,
        TokenKey,
        TokenKind,
        // users and rules
        ClientUserId,
        HumanId,
        KnownStatus,
        TokenRefusal,
        UserEvent,
        UserStatus,
        Decision,
        Prediction,
        Provisioning,
        Authorization,
        Purpose,
        Refusal,
        // requests and answers
        Body,
        BaseUrl,
        Host,
        Hosts,
        Now,
        Page<Activity, ListActivities>,
        ListEnd,
        RawAnswer,
        RawCall,
        Replay,
        Request,
        Response,
        RetryAfter,
        RetryPolicy,
        // errors
        ApiError,
        ApiErrorKind,
        BuildError,
        CredentialsError,
        DecodeError,
        Drift,
        EmptyUserId,
        ErrorCode,
        FlowError,
        HostError,
        ResponseError,
        SendFailure,
        SendFailureKind,
        Validation,
        // endpoints
        IssueAccessToken,
        IssueClientToken,
        IssueIdToken,
        IssueSessionToken,
        ListActivities,
        ListRecords,
        Page<Record, ListRecords>,
        ReadRecord,
        ReadHealthSummary,
        ReadProfile,
        ById<Activity>,
        Latest<Weight>,
        OnDay<Weight>,
        ListGenotypes,
        Batch<Weight>,
        AppKey,
        CreateUser,
        ReadUser,
        DeleteUser,
        Route,
        Operation,
        DailyForm,
        // records
        Activity,
        ActivitySummary,
        HealthSummary,
        Weight,
        Profile,
        Record,
        Field,
        FieldKind,
        Comparator,
        Date<'static>,
        Json<'static>,
        Number<'static>,
        Quantity<'static>,
        TextOr<'static, Weight>,
        TimeSeries,
        TimeZoneName,
        // Connect
        AuthCode,
        Callback,
        CallbackError,
        ConnectEvent,
        ConnectReport,
        ConnectStatus,
        ConnectedSource,
        DataAttributes,
        Launch<'static>,
        LaunchUrl,
        Location,
        Mode,
        ProviderRequest,
        ReportError,
        // flows
        Authorized<RawCall>,
        Call<IssueSessionToken>,
        ConnectGrant,
        ConnectTokenFlow,
        SelfServed<Authorized<ListActivities>>,
        Input,
        RequestId,
        Step<Result<(), FlowError>>,
    );
}

#[test]
fn errors_are_errors_that_any_chain_can_hold() {
    const fn check<E: std::error::Error + Send + Sync + 'static>() {}
    check::<ApiError>();
    check::<BuildError>();
    check::<CallbackError>();
    check::<CredentialsError>();
    check::<DecodeError>();
    check::<Drift>();
    check::<EmptyUserId>();
    check::<FlowError>();
    check::<HostError>();
    check::<Refusal>();
    check::<ReportError>();
    check::<ResponseError>();
    check::<SendFailure>();
}
